// How long things are kept, and that two people approved it: one of them who
// answers for the school's information risk, which is the head or who stands
// in.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/policy/retention.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr char kBook[] = "approvals";
constexpr char kPage[] = "retention";

const char* TitleOf(const std::string& what) {
  if (what == "hit") return "Contacts that met a rule";
  if (what == "exposure") return "Contacts that nobody seems to have meant";
  if (what == "incident") return "Closed cases and their log";
  if (what == "change_log") return "The log of changes to the rules";
  if (what == "health") return "What devices say about their own health";
  if (what == "audit") return "Who looked at what";
  return "Evidence under a legal hold";
}

bool AnswersForIt(const Account& account) {
  return account.role == Role::kHead || account.role == Role::kSecondSenior;
}

// Where the policy has no time of its own the collector's setting holds.
nlohmann::json Times(const v1::CompiledPolicy* policy,
                     const NoticeFacts& facts) {
  std::map<std::string, int64_t> days = {{"hit", facts.keep_event_days},
                                         {"health", facts.keep_event_days},
                                         {"incident", facts.keep_case_days},
                                         {"hold", 0}};
  std::map<std::string, std::string> clauses;
  if (policy != nullptr) {
    for (const v1::RetentionRule& rule : policy->retention()) {
      days[rule.what()] = rule.days();
      if (rule.clause() >= 0 && rule.clause() < policy->clauses_size()) {
        clauses[rule.what()] = policy->clauses(rule.clause()).quote();
      }
    }
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [what, count] : days) {
    list.push_back({{"what", what},
                    {"title", TitleOf(what)},
                    {"days", count},
                    {"quote", clauses[what]}});
  }
  return list;
}

}  // namespace

Response Api::ShowRetention(const Caller& caller) {
  const std::string& school = caller.account.school;
  const Policy policy = PolicyOf(stores_.policies, school);
  nlohmann::json answer = {{"times", Times(policy.get(), facts_)},
                           {"approved", nullptr},
                           {"proposed_by", ""},
                           {"proposed_by_me", false},
                           {"may_answer", AnswersForIt(caller.account)}};
  absl::StatusOr<std::vector<BookPage>> pages = std::vector<BookPage>();
  if (stores_.agreements != nullptr) {
    pages = stores_.agreements->Pages(school, kBook);
  }
  if (!pages.ok()) {
    return Refusal(503, "no_retention", "This cannot be read at the moment.");
  }
  for (const BookPage& page : *pages) {
    auto text = nlohmann::json::parse(page.text, nullptr, false);
    if (page.key != kPage || !text.is_object()) continue;
    const auto& approved = text["approved"];
    if (approved.is_object()) {
      answer["approved"] = {
          {"by",
           {NameOf(approved.value("first", "")),
            NameOf(approved.value("second", ""))}},
          {"when", TimeWord(approved.value("us", int64_t{0}))},
          {"still", approved["times"] == answer["times"]}};
    }
    const std::string proposed = text.value("proposed_by", "");
    // Who proposed other times has proposed nothing about these.
    if (!proposed.empty() && text["proposed_times"] == answer["times"]) {
      answer["proposed_by"] = NameOf(proposed);
      answer["proposed_by_me"] = proposed == caller.account.name;
    }
  }
  return JsonAnswer(answer);
}

Response Api::ApproveRetention(const Request& request, const Caller& caller) {
  const std::string& name = caller.account.name;
  const std::string& school = caller.account.school;
  const Policy policy = PolicyOf(stores_.policies, school);
  const nlohmann::json times = Times(policy.get(), facts_);
  // The page shows the times that are approved: not others that came since.
  const nlohmann::json body = BodyObject(request);
  if (!body.contains("times") || body["times"] != times) {
    return Refusal(409, "not_now",
                   "These times have changed. Reload the page and read them "
                   "again.");
  }
  if (stores_.agreements == nullptr) {
    return Refusal(503, "not_stored", "Nothing can be approved here.");
  }
  const auto pages = stores_.agreements->Pages(school, kBook);
  if (!pages.ok()) {
    return Refusal(503, "no_retention", "This cannot be read at the moment.");
  }
  nlohmann::json text = nlohmann::json::object();
  for (const BookPage& page : *pages) {
    const auto stored = nlohmann::json::parse(page.text, nullptr, false);
    if (page.key == kPage && stored.is_object()) text = stored;
  }
  const std::string first = text["proposed_times"] == times
                                ? text.value("proposed_by", "")
                                : std::string();
  const char* action = "propose_retention";
  if (body.value("approve", nlohmann::json()) != true) {
    if (first.empty()) return ShowRetention(caller);
    action = "refuse_retention";
    text.erase("proposed_by");
  } else if (first.empty()) {
    text["proposed_by"] = name;
    text["proposed_times"] = times;
  } else if (first == name) {
    return Refusal(409, "not_now",
                   "You have approved this. Somebody else has to agree.");
  } else {
    const auto other = stores_.accounts.Get(first);
    if (!AnswersForIt(caller.account) &&
        (!other.ok() || !AnswersForIt(*other))) {
      return Refusal(409, "not_now",
                     "One of the two has to be the head or the second senior "
                     "leader: they answer for the school's information.");
    }
    action = "agree_retention";
    text.erase("proposed_by");
    text["approved"] = {{"first", first},
                        {"second", name},
                        {"us", absl::ToUnixMicros(clock_.Now())},
                        {"times", times}};
  }
  if (auto failed = Record(name, action, "", times.dump())) return *failed;
  const absl::Status stored =
      stores_.agreements->PutPage({.school = school,
                                   .book = kBook,
                                   .key = kPage,
                                   .text = text.dump(),
                                   .changed_by = name,
                                   .changed = clock_.Now()});
  if (!stored.ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  return ShowRetention(caller);
}

}  // namespace schoolgate::collector
