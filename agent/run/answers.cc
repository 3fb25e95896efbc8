#include "agent/run/answers.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/local_socket.h"
#include "platform/name_question.h"
#include "rules/import/known_categories.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxWords = 500;
constexpr size_t kMaxHostBytes = 253;
constexpr size_t kMostPreviewed = 200;  // an answer has its limit

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Refuse(std::string_view why) { return Dump({{"error", why}}); }

std::string TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

Observation AskedBy(uint32_t uid, absl::Time now) {
  Observation observation;
  observation.uid = uid;
  observation.time_us = absl::ToUnixMicros(now);
  return observation;
}

// A category whose canary host these rules block for this person, best one
// that is not locked; empty when there is none, or no rules.
std::string BlockedCategory(Verdicts& verdicts, const Who& who,
                            int64_t time_us) {
  std::string locked;
  if (verdicts.rules() == nullptr) return locked;
  for (const std::string_view category : rules::KnownCategories()) {
    const rules::Decision& decision =
        verdicts.For(rules::CanaryHost(category), who, time_us);
    if (decision.action != rules::Action::kBlock) continue;
    if (!decision.locked) return std::string(category);
    if (locked.empty()) locked = category;
  }
  return locked;
}

// Whether a lesson pass may open what this decision refuses.
bool Passable(const rules::Ruleset& rules, const rules::Decision& decision) {
  for (const std::string& id : decision.categories) {
    const int category = rules.tables().Category(id);
    if (category < 0 || !rules.policy().categories(category).passable()) {
      return false;
    }
  }
  return !decision.categories.empty();
}

}  // namespace

Answers::Answers(Attribution& attribution, Verdicts& verdicts, Watch& watch,
                 const AgentStatus& status)
    : attribution_(attribution),
      verdicts_(verdicts),
      watch_(watch),
      status_(status) {}

std::string Answers::Answer(uint32_t uid, std::string_view question,
                            absl::Time now) {
  const Json json = Json::parse(question, nullptr, false);
  if (!json.is_object()) {
    return Refuse("question: not a JSON object: use the schoolgate command");
  }
  const std::string ask = TextOf(json, "ask");
  if (ask == "status") return Status(uid, now);
  if (ask == "record") return Record(uid);
  if (ask == "rules") return Rules(uid, now);
  if (ask == "notices") {
    const auto after = json.find("after");
    const bool number = after != json.end() && after->is_number_unsigned();
    return Notices(uid, number ? after->get<uint64_t>() : 0);
  }
  if (ask == "answer") {
    return AnswerNotice(uid, TextOf(json, "token"), TextOf(json, "kind"), now);
  }
  if (ask == "canary") return Canary(uid, now);
  if (ask == "notice") return SchoolNotice(uid);
  if (ask == "accept") return Accept(uid, TextOf(json, "version"), now);
  if (ask == "end") {
    if (uid != 0 || !end_) return Refuse("end: only root may: use sudo");
    end_(TextOf(json, "why"));
    return Dump({{"ends", true}});
  }
  if (ask == "preview") return Preview(uid, TextOf(json, "group"), now);
  const std::string host = TextOf(json, "host");
  if (host.empty() || host.size() > kMaxHostBytes) {
    return Refuse("host: not a host name: give one such as www.example.org");
  }
  if (ask == "seen") {
    return Dump({{"seen", watch_.SawTest(host)},
                 {"refused", watch_.RefusedTest(host)}});
  }
  if (ask == "why") return Why(uid, host, now);
  if (ask == "report") {
    return Report(uid, TextOf(json, "kind"), host, TextOf(json, "words"), now);
  }
  return Refuse("question: unknown: use the schoolgate command");
}

std::string Answers::Status(uint32_t uid, absl::Time now) {
  Json json = Json::parse(ToJson(status_, now));
  const Who who = attribution_.WhoAsked(AskedBy(uid, now));
  std::string_view as = "unknown";
  if (who.system) {
    as = "system";
  } else if (who.confidence == v1::CONFIDENCE_SHARED) {
    as = "shared";
  } else if (who.confidence == v1::CONFIDENCE_CERTAIN) {
    as = "person";
  }
  std::string_view session = "unknown";
  if (const auto presence = attribution_.PresenceOf(uid)) {
    session = presence->locked ? "locked" : presence->idle ? "idle" : "in use";
  }
  json["you"] = {{"as", as},
                 {"login", who.login},
                 {"group", who.group},
                 {"session", session}};
  if (verdicts_.visits() != nullptr) {
    const auto left = verdicts_.visits()->Left(who, verdicts_.boot_us());
    if (left) json["you"]["minutes_left"] = absl::ToInt64Minutes(*left);
  }
  if (verdicts_.rules() != nullptr) {
    const v1::CompiledPolicy& policy = verdicts_.rules()->policy();
    if (const auto end = rules::GuestEnd(policy, who.login)) {
      json["you"]["guest_until"] = rules::DayBefore(policy, *end);
    }
  }
  return Dump(json);
}

std::string Answers::Canary(uint32_t uid, absl::Time now) {
  const Observation asked = AskedBy(uid, now);
  const Who who = attribution_.WhoAsked(asked);
  const std::string category = BlockedCategory(verdicts_, who, asked.time_us);
  return Dump({{"host", platform::FreshTestName(category)},
               {"blocked", !category.empty()}});
}

// Each kind of host as it is answered to who asks at this moment: by its test
// host, so that the text cannot say anything else than what is done.
std::string Answers::Rules(uint32_t uid, absl::Time now) {
  const auto rules = verdicts_.rules();
  if (rules == nullptr) {
    return Refuse("rules: none on this device yet: ask your IT support");
  }
  const Who who = attribution_.WhoAsked(AskedBy(uid, now));
  const v1::CompiledPolicy& policy = rules->policy();
  Json kinds = Json::array();
  for (const v1::PolicyCategory& category : policy.categories()) {
    const rules::Decision& decision = verdicts_.For(
        rules::CanaryHost(category.id()), who, absl::ToUnixMicros(now));
    if (decision.categories.empty()) continue;  // not listed on this device
    Json kind = {{"title", category.title()},
                 {"action", rules::ActionName(decision.action)},
                 {"reason", decision.reason},
                 {"clause", decision.clause},
                 {"until", nullptr}};
    if (decision.until) {
      kind["until"] = absl::FormatTime(absl::RFC3339_sec, *decision.until,
                                       absl::UTCTimeZone());
    }
    kinds.push_back(std::move(kind));
  }
  std::string group(who.RulesGroup());
  for (const v1::PolicyGroup& one : policy.groups()) {
    if (one.id() == who.RulesGroup()) group = one.title();
  }
  return Dump({{"policy", policy.title()},
               {"group", group},
               {"mode", policy.mode()},
               {"kinds", std::move(kinds)},
               {"notice", status_.notice}});
}

std::string Answers::Record(uint32_t uid) const {
  Json entries = Json::array();
  if (contacts_ != nullptr) {
    for (const v1::Event& event : contacts_->own_record().Of(uid)) {
      Json entry = {
          {"time", absl::FormatTime(absl::RFC3339_sec,
                                    absl::FromUnixMicros(event.time_unix_us()),
                                    absl::UTCTimeZone())}};
      if (event.has_notice_accepted()) {
        entry["what"] = "notice";
        entry["version"] = event.notice_accepted().notice_version();
      } else if (event.has_self_report()) {
        entry["what"] = "report";
        entry["about"] = event.self_report().about_sequence();
        entry["host"] = event.self_report().host();
        entry["words"] = event.self_report().words();
      } else if (event.has_person_seen()) {
        entry["what"] = "log-in";
      } else {
        const v1::Contact& contact = event.contact();
        entry["what"] = "contact";
        entry["number"] = event.sequence();
        entry["host"] = contact.locked() ? "(sealed)" : contact.host();
        entry["categories"] = std::vector<std::string>(
            contact.categories().begin(), contact.categories().end());
        entry["action"] =
            rules::ActionName(static_cast<rules::Action>(contact.action()));
        entry["stopped"] = contact.enforced();
        entry["clause"] = contact.clause();
      }
      entries.push_back(std::move(entry));
    }
  }
  // The newest stay where not all fit into an answer.
  while (entries.size() > 1 &&
         entries.dump().size() > platform::kMaxAnswerBytes / 2) {
    entries.erase(entries.begin());
  }
  return Dump({{"record", entries}});
}

std::string Answers::Notices(uint32_t uid, uint64_t after) const {
  Json notices = Json::array();
  for (const Notice* notice : watch_.notices().After(uid, after)) {
    notices.push_back({{"id", notice->id},
                       {"host", notice->host},
                       {"heading", notice->heading},
                       {"warn", notice->warn},
                       {"reason", notice->reason},
                       {"clause", notice->clause},
                       {"help", notice->help},
                       {"token", notice->token}});
  }
  return Dump({{"notices", notices}, {"last", watch_.notices().last_id()}});
}

std::string Answers::AnswerNotice(uint32_t uid, const std::string& token,
                                  const std::string& kind, absl::Time now) {
  if (!watch_.TakeAnswer(AskedBy(uid, now), token, kind)) {
    return Refuse(
        "answer: not taken: it was given before, or this device is not "
        "enrolled: tell a member of staff in person");
  }
  return Dump({{"reported", true}});
}

void Answers::SetConsents(NoticeConsents* consents) {
  consents_ = consents;
  attribution_.SetOwesNotice(
      [this](uint32_t uid) { return !HasAccepted(uid); });
}

bool Answers::HasAccepted(uint32_t uid) const {
  return status_.notice.empty() || consents_ == nullptr ||
         consents_->Accepted(uid, status_.notice_version);
}

std::string Answers::SchoolNotice(uint32_t uid) const {
  return Dump({{"notice", status_.notice},
               {"version", status_.notice_version},
               {"school", status_.school},
               {"accepted", HasAccepted(uid)}});
}

std::string Answers::Accept(uint32_t uid, const std::string& version,
                            absl::Time now) {
  if (consents_ == nullptr || version != status_.notice_version) {
    return Refuse("notice: another version holds now: read it again");
  }
  if (!consents_->Accepted(uid, version)) {
    consents_->Accept(uid, version, now);
    attribution_.Forget(uid);  // from now on they are who they are
    if (contacts_ != nullptr) {
      const Observation asked = AskedBy(uid, now);
      contacts_->NoteNotice(version, attribution_.WhoAsked(asked),
                            asked.time_us);
    }
  }
  return Dump({{"accepted", true}});
}

std::string Answers::Why(uint32_t uid, const std::string& host,
                         absl::Time now) {
  if (verdicts_.rules() == nullptr) {
    return Refuse("rules: none on this device yet: ask your IT support");
  }
  const Who who = attribution_.WhoAsked(AskedBy(uid, now));
  const rules::Decision& decision =
      verdicts_.For(host, who, absl::ToUnixMicros(now));
  Json json = {{"host", host},
               {"action", rules::ActionName(decision.action)},
               {"group", who.RulesGroup()},
               {"categories", decision.categories},
               {"reason", decision.reason},
               {"clause", decision.clause},
               {"rule", decision.rule},
               {"help", verdicts_.HelpFor(decision)},
               {"locked", decision.locked},
               {"until", nullptr}};
  if (decision.until) {
    json["until"] = absl::FormatTime(absl::RFC3339_sec, *decision.until,
                                     absl::UTCTimeZone());
  }
  return Dump(json);
}

std::string Answers::Preview(uint32_t uid, const std::string& group,
                             absl::Time now) {
  const auto rules = verdicts_.rules();
  if (rules == nullptr) {
    return Refuse("rules: none on this device yet: ask your IT support");
  }
  std::string known;
  bool is_known = false;
  for (const v1::PolicyGroup& one : rules->policy().groups()) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", one.id());
    is_known |= one.id() == group;
  }
  if (!is_known) {
    return Refuse(
        absl::StrCat("preview: no such group: the policy has ", known));
  }
  // What somebody does here is theirs: a shared log-in is nobody's.
  const Observation asked = AskedBy(uid, now);
  const Who who = attribution_.WhoAsked(asked);
  Json hosts = Json::array();
  for (const auto& [host, decision] :
       verdicts_.Preview(who, group, asked.time_us)) {
    if (hosts.size() >= kMostPreviewed) break;
    hosts.push_back({{"host", host},
                     {"blocked", decision.action == rules::Action::kBlock},
                     {"passable", Passable(*rules, decision)},
                     {"categories", decision.categories},
                     {"reason", decision.reason},
                     {"clause", decision.clause}});
  }
  return Dump({{"group", group}, {"hosts", std::move(hosts)}});
}

std::string Answers::Report(uint32_t uid, const std::string& kind,
                            const std::string& host, const std::string& words,
                            absl::Time now) {
  static const std::map<std::string, v1::SelfReport::Kind> kKinds = {
      {"accident", v1::SelfReport::KIND_ACCIDENT},
      {"wrong", v1::SelfReport::KIND_SHOULD_OPEN},
      {"missed", v1::SelfReport::KIND_FILTER_MISSED}};
  const auto known = kKinds.find(kind);
  if (known == kKinds.end()) {
    return Refuse("kind: unknown: use accident, wrong or missed");
  }
  if (contacts_ == nullptr) {
    return Refuse(
        "report: this device is not enrolled with a school yet: "
        "tell a member of staff in person");
  }
  const int64_t minute = absl::ToUnixSeconds(now) / 60;
  auto& [counted_minute, count] = reports_[uid];
  if (counted_minute != minute) {
    counted_minute = minute;
    count = 0;
  }
  if (++count > kMaxReportsAMinute) {
    return Refuse("report: many within this minute: wait a moment");
  }
  const Observation asked = AskedBy(uid, now);
  const Who who = attribution_.WhoAsked(asked);
  // A host of the locked lists stands nowhere in the clear, also not because
  // somebody was brave enough to report it.
  const bool locked = verdicts_.For(host, who, asked.time_us).locked;
  contacts_->NoteReport(known->second, locked ? "" : host,
                        words.substr(0, kMaxWords), who, asked.time_us);
  return Dump({{"reported", true}});
}

}  // namespace schoolgate::agent
