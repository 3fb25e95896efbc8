// Lesson passes: what was asked for, what the class would miss, what is open
// now. A pass is signed by its approver, elsewhere; here it is published.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/cases/alert_json.h"
#include "collector/store/alert_brief.h"
#include "collector/web/api.h"
#include "proto/trust.pb.h"
#include "rules/decide.h"
#include "rules/trust/order.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kMostRequests = 100;
constexpr size_t kMostHosts = 20;

// What `schoolgate preview GROUP --ask` sends: "lesson pass for ks2: a.test
// b.test: fractions". Other words are a request for one host.
struct Asked {
  std::string group, reason;
  std::vector<std::string> hosts;
};

Asked AskedIn(const v1::AlertEvidence& line) {
  Asked asked;
  asked.hosts = {line.host()};
  const std::string& words = line.sentence();
  const size_t quote = words.find('"');
  if (quote == std::string::npos) return asked;
  asked.reason = words.substr(quote + 1);
  if (asked.reason.ends_with('"')) asked.reason.pop_back();
  if (!asked.reason.starts_with(kAsksForPass)) return asked;
  const std::vector<std::string> parts = absl::StrSplit(
      asked.reason.substr(sizeof kAsksForPass - 1), absl::MaxSplits(": ", 2));
  if (parts.size() != 3) return asked;
  asked.group = parts[0];
  asked.hosts = absl::StrSplit(parts[1], ' ', absl::SkipEmpty());
  if (asked.hosts.size() > kMostHosts) asked.hosts.resize(kMostHosts);
  asked.reason = parts[2];
  return asked;
}

bool IsPassable(const rules::Ruleset& rules, const rules::Decision& decision) {
  return !decision.categories.empty() &&
         std::all_of(decision.categories.begin(), decision.categories.end(),
                     [&](const std::string& id) {
                       const int at = rules.tables().Category(id);
                       return at >= 0 &&
                              rules.policy().categories(at).passable();
                     });
}

// Unknown ids have an answer, too: that of the strictest group.
bool HasGroup(const rules::Ruleset& rules, const std::string& id) {
  const auto& groups = rules.policy().groups();
  return std::any_of(groups.begin(), groups.end(),
                     [&](const auto& one) { return one.id() == id; });
}

// Each host as a class of the group would be answered now, without any pass.
json Preview(const rules::Ruleset& rules, const std::string& group,
             const std::vector<std::string>& hosts, absl::Time now) {
  json lines = json::array();
  for (const std::string& host : hosts) {
    rules::Question question;
    question.host = host;
    question.group = group;
    question.at = now;
    const rules::Decision decision = rules::Decide(rules, question);
    // Nothing of the locked lists is shown, also not to who asked for it.
    if (decision.locked) continue;
    lines.push_back({{"host", host},
                     {"blocked", decision.action == rules::Action::kBlock},
                     {"passable", IsPassable(rules, decision)},
                     {"reason", decision.reason},
                     {"clause", decision.clause}});
  }
  return lines;
}

json Listed(const google::protobuf::RepeatedPtrField<std::string>& words) {
  return std::vector<std::string>(words.begin(), words.end());
}

json PassJson(const v1::PassOrder& order, absl::Time now) {
  const v1::LessonPass& pass = order.pass();
  const absl::Time start = absl::FromUnixSeconds(pass.start_unix_s());
  const absl::Time end = absl::FromUnixSeconds(pass.end_unix_s());
  const char* state = order.withdraw() ? "withdrawn"
                      : end <= now     ? "ended"
                      : start > now    ? "waiting"
                                       : "open";
  return {
      {"id", pass.id()},
      {"state", state},
      {"hosts", Listed(pass.hosts())},
      {"groups", Listed(pass.groups())},
      {"devices", pass.devices_size()},
      {"class", pass.class_name()},
      {"reason", pass.reason()},
      {"requester", pass.requester()},
      {"approver", pass.approver()},
      {"start", TimeWord(absl::ToUnixMicros(start))},
      {"end", TimeWord(absl::ToUnixMicros(end))},
      {"seconds_left", std::max<int64_t>(0, absl::ToInt64Seconds(end - now))}};
}

}  // namespace

// Null where nothing is published for the school.
std::shared_ptr<const rules::Ruleset> Api::RulesOf(const std::string& school) {
  if (stores_.bundles == nullptr) return nullptr;
  const auto bundle = stores_.bundles->Current(school);
  if (!bundle) return nullptr;
  const std::lock_guard lock(rules_mutex_);
  auto& [hash, rules] = rules_[school];
  if (hash != bundle->hash) {
    auto opened = rules::Ruleset::Open(stores_.bundles->PathOf(bundle->hash));
    rules = opened.ok() ? *std::move(opened) : nullptr;
    hash = bundle->hash;
  }
  return rules;
}

nlohmann::json Api::PassRequests(const Caller& caller) {
  AlertQuery query;
  query.school = caller.account.school;
  query.open_only = true;
  query.limit = 10'000;
  const auto alerts = stores_.alerts.Find(query);
  json requests = json::array();
  if (!alerts.ok()) return requests;
  const Readers everybody = Everybody();
  const auto rules = RulesOf(caller.account.school);
  for (const v1::Alert& alert : *alerts) {
    if (alert.rule() != "person_asks" || alert.evidence().empty() ||
        requests.size() >= kMostRequests ||
        SightOf(caller.account, alert, everybody) != Sight::kFull) {
      continue;
    }
    const v1::AlertEvidence& line = *alert.evidence().rbegin();
    if (line.sentence().find("to be opened") == std::string::npos) continue;
    const Asked asked = AskedIn(line);
    json one = {{"alert", alert.id()},
                {"who", alert.subject()},
                {"device", alert.device_name()},
                {"time", TimeWord(line.time_unix_us())},
                {"group", asked.group},
                {"reason", asked.reason},
                {"hosts", asked.hosts}};
    if (rules != nullptr && HasGroup(*rules, asked.group)) {
      one["preview"] = Preview(*rules, asked.group, asked.hosts, clock_.Now());
    }
    requests.push_back(std::move(one));
  }
  return requests;
}

Response Api::ListPasses(const Request& request, const Caller& caller) {
  // A page that stays open asks again and again; its opening is on record.
  if (request.Header("x-background") != "1") {
    if (auto failed = Record(caller.account.name, "view_passes", "", "")) {
      return *failed;
    }
  }
  json passes = json::array();
  if (stores_.papers != nullptr) {
    for (const std::string& school : {std::string(), caller.account.school}) {
      for (const auto& paper : stores_.papers->Load(school)) {
        const auto order = rules::ParseOrder(paper->paper.text());
        v1::PassOrder pass;
        if (order.ok() && order->kind() == v1::ORDER_KIND_PASS &&
            pass.ParseFromString(order->order())) {
          passes.push_back(PassJson(pass, clock_.Now()));
        }
      }
    }
  }
  json groups = json::array();
  const auto rules = RulesOf(caller.account.school);
  if (rules != nullptr) {
    for (const v1::PolicyGroup& group : rules->policy().groups()) {
      groups.push_back({{"id", group.id()}, {"title", group.title()}});
    }
  }
  return JsonAnswer(
      {{"requests", PassRequests(caller)},
       {"passes", std::move(passes)},
       {"groups", std::move(groups)},
       {"sign_for", rules == nullptr ? "" : rules->manifest().id()},
       {"may_publish", stores_.publish_order != nullptr}});
}

Response Api::PreviewPass(const Request& request, const Caller& caller) {
  const json body = BodyObject(request);
  const auto rules = RulesOf(caller.account.school);
  if (rules == nullptr) {
    return Refusal(409, "not_now", "No rules are published here yet.");
  }
  const std::string group = Text(body, "group", 64);
  std::vector<std::string> hosts = absl::StrSplit(
      Text(body, "hosts", 4000), absl::ByAnyChar(" ,;\n\t"), absl::SkipEmpty());
  if (hosts.empty() || hosts.size() > kMostHosts || !HasGroup(*rules, group)) {
    return Refusal(400, "incomplete",
                   "Choose a class's group and enter up to 20 hosts.");
  }
  if (auto failed = Record(caller.account.name, "preview_pass", "", group)) {
    return *failed;
  }
  return JsonAnswer({{"preview", Preview(*rules, group, hosts, clock_.Now())}});
}

Response Api::PublishPass(const Request& request, const Caller& caller) {
  if (stores_.publish_order == nullptr) {
    return Refusal(409, "not_now",
                   "This server cannot publish passes: the IT provider does it "
                   "with \"schoolgate-collector publish\".");
  }
  const json body = BodyObject(request);
  const std::string text = Text(body, "order", rules::kMaxOrderFileBytes);
  const auto order = rules::ParseOrder(text);
  if (!order.ok() || order->kind() != v1::ORDER_KIND_PASS) {
    return Refusal(400, "no_pass",
                   "This file is no lesson pass. Choose the file that "
                   "\"schoolgate-rules pass new\" wrote.");
  }
  v1::PassOrder pass;
  if (!pass.ParseFromString(order->order())) {
    return Refusal(400, "no_pass", "This file is damaged. Make it again.");
  }
  if (auto failed =
          Record(caller.account.name, "publish_pass", pass.pass().id(),
                 pass.withdraw() ? "withdrawn" : "")) {
    return *failed;
  }
  const absl::Status published =
      stores_.publish_order(text, caller.account.school);
  if (!published.ok()) {
    return Refusal(409, "not_taken",
                   absl::StrCat("It was not published: ",
                                std::string(published.message()), "."));
  }
  return ListPasses(request, caller);
}

}  // namespace schoolgate::collector
