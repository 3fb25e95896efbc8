// The right of access: what is kept about a person who asked the school for it,
// or whose parents did. Whoever looks a person up by log-in name learns
// something that one senior person alone never may, so two agree.
#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/web/api.h"
#include "collector/web/record_lines.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kReasonLeast = 10;
constexpr size_t kReasonLimit = 500;
constexpr size_t kLogInLimit = 128;
constexpr size_t kMostCases = 1000;

Response NoSuchRequest() {
  return Refusal(404, "not_found", "There is no such request.");
}

Response AnswerTo(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return Busy();
  if (absl::IsNotFound(status)) return NoSuchRequest();
  return Refusal(409, "not_now", std::string(status.message()));
}

// Whose records the head or the second senior must know of.
bool IsStaff(const std::string& group) {
  return group == "staff" || group == "governor" || group == "volunteer" ||
         group == "contractor";
}

bool MayAgreeOnStaff(Role role) {
  return role == Role::kHead || role == Role::kSecondSenior;
}

}  // namespace

std::optional<Response> Api::RecordUnanswered() {
  const auto unanswered = records_.TakeUnanswered(clock_.SinceBoot());
  if (!unanswered.ok()) return Busy();
  for (const RecordRequest& one : *unanswered) {
    // Under the requester's name: a line of nobody in particular would be
    // shown to every school.
    if (auto failed = Record(one.requester, "expire_record", one.subject, "")) {
      return failed;
    }
  }
  return std::nullopt;
}

Response Api::AskRecord(const Request& request, const Caller& caller) {
  const json body = BodyObject(request);
  const std::string log_in = Text(body, "login", kLogInLimit);
  RecordRequest fresh;
  fresh.school = caller.account.school;
  fresh.requester = caller.account.name;
  fresh.reason = Text(body, "reason", kReasonLimit);
  if (log_in.empty() || fresh.reason.size() < kReasonLeast) {
    return Refusal(400, "incomplete",
                   "Enter the person's log-in name and, in a few words, who "
                   "asks for the record.");
  }
  if (!stores_.pseudonym_of || stores_.events == nullptr) {
    return Refusal(503, "not_here", "This server cannot look people up.");
  }
  const absl::StatusOr<std::string> alias =
      stores_.pseudonym_of(fresh.school, log_in);
  if (!alias.ok()) {
    return Refusal(503, "no_key",
                   "The school's key to aliases cannot be read. Ask your IT "
                   "provider to run `schoolgate-collector doctor`.");
  }
  for (const Account& one : Everybody().accounts) {
    if (one.school == fresh.school && one.own_pseudonym == *alias) {
      return Refusal(409, "own_record",
                     "This person has an account here and reads their own "
                     "record under \"My record\".");
    }
  }
  fresh.subject = *alias;
  const std::lock_guard lock(records_mutex_);
  if (auto failed = RecordUnanswered()) return *failed;
  if (auto failed = Record(caller.account.name, "ask_record", fresh.subject,
                           fresh.reason)) {
    return *failed;
  }
  const auto asked = records_.Ask(std::move(fresh), clock_.SinceBoot());
  if (!asked.ok()) return AnswerTo(asked.status());
  return JsonAnswer(RecordRequestJson(*asked, caller));
}

// Without the alias: it would be found again in alerts.
json Api::RecordRequestJson(const RecordRequest& one, const Caller& caller) {
  const absl::Duration left = one.until - clock_.SinceBoot();
  return {{"id", one.id},
          {"mine", one.requester == caller.account.name},
          {"state", RecordStateWord(one.state)},
          {"reason", one.reason},
          {"requester", NameOf(one.requester)},
          {"approver", one.approver.empty() ? "" : NameOf(one.approver)},
          {"seconds_left", std::max<int64_t>(0, absl::ToInt64Seconds(left))}};
}

Response Api::ListRecords(const Request& request, const Caller& caller) {
  // A page that stays open asks again and again; its opening is on record.
  if (request.Header("x-background") != "1") {
    if (auto failed = Record(caller.account.name, "view_records", "", "")) {
      return *failed;
    }
  }
  const std::lock_guard lock(records_mutex_);
  if (auto failed = RecordUnanswered()) return *failed;
  json list = json::array();
  const auto all = records_.All(clock_.SinceBoot());
  if (!all.ok()) return Busy();
  for (const RecordRequest& one : *all) {
    if (one.school != caller.account.school) continue;
    const std::string& who = caller.account.name;
    if (one.state != RecordState::kAsked && one.requester != who &&
        one.approver != who) {
      continue;
    }
    list.push_back(RecordRequestJson(one, caller));
  }
  return JsonAnswer({{"requests", std::move(list)}});
}

// With records_mutex_ held: the request when it is of the caller's school.
std::optional<RecordRequest> Api::RecordFor(uint64_t id, const Caller& caller,
                                            Response* refusal) {
  absl::StatusOr<RecordRequest> one = records_.Get(id, clock_.SinceBoot());
  if (one.ok() && one->school == caller.account.school) return *one;
  if (absl::IsUnavailable(one.status())) {
    *refusal = Busy();
    return std::nullopt;
  }
  *refusal = NoSuchRequest();
  if (auto failed = Record(caller.account.name, "refused", "", "record")) {
    *refusal = *failed;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<StoredEvent>> Api::EventsAbout(
    const std::string& school, const std::string& subject, size_t limit) {
  EventQuery query;
  query.school = school;
  query.subject = subject;
  query.limit = limit;
  return stores_.events->Find(query);
}

Response Api::AgreeRecord(uint64_t id, const Caller& caller) {
  const std::lock_guard lock(records_mutex_);
  if (auto failed = RecordUnanswered()) return *failed;
  Response refusal;
  const auto one = RecordFor(id, caller, &refusal);
  if (!one) return refusal;
  const auto newest = EventsAbout(one->school, one->subject, 1);
  const auto requester = stores_.accounts.Get(one->requester);
  if (!newest.ok() || !requester.ok()) {
    return Refusal(503, "no_record", "This cannot be read at the moment.");
  }
  if (!newest->empty() && IsStaff(newest->front().event.person().group()) &&
      !MayAgreeOnStaff(caller.account.role) &&
      !MayAgreeOnStaff(requester->role)) {
    return Refusal(409, "not_now",
                   "This is a member of staff: the head or the second senior "
                   "leader has to be one of the two.");
  }
  const std::string& who = caller.account.name;
  const bool may = one->state == RecordState::kAsked && one->requester != who;
  if (auto failed = Record(who, may ? "agree_record" : "agree_record_refused",
                           one->subject, one->requester)) {
    return *failed;
  }
  const absl::Status done = records_.Agree(id, who, clock_.SinceBoot());
  return done.ok() ? JsonAnswer(json::object()) : AnswerTo(done);
}

Response Api::EndRecord(uint64_t id, const Caller& caller) {
  const std::lock_guard lock(records_mutex_);
  if (auto failed = RecordUnanswered()) return *failed;
  Response refusal;
  const auto one = RecordFor(id, caller, &refusal);
  if (!one) return refusal;
  const std::string& who = caller.account.name;
  const bool own = one->requester == who;
  if (!own && one->state != RecordState::kAsked && one->approver != who) {
    return NoSuchRequest();
  }
  if (auto failed = Record(who, own ? "withdraw_record" : "refuse_record",
                           one->subject, one->requester)) {
    return *failed;
  }
  const absl::Status done = records_.End(
      id, who, own ? RecordState::kWithdrawn : RecordState::kRefused,
      clock_.SinceBoot());
  return done.ok() ? JsonAnswer(json::object()) : AnswerTo(done);
}

// What the reader may see of the person's cases. They are not part of the
// file: what of them is handed over is decided case by case.
json Api::CasesAbout(const std::string& subject, const Caller& caller) {
  AlertQuery query;
  query.school = caller.account.school;
  query.subject = subject;
  query.limit = kMostCases;
  json cases = json::array();
  const auto found = stores_.alerts.Find(query);
  if (!found.ok()) return cases;
  const Readers everybody = Everybody();
  for (const v1::Alert& alert : *found) {
    if (SightOf(caller.account, alert, everybody) != Sight::kFull) continue;
    cases.push_back({{"alert", alert.id()},
                     {"title", alert.title()},
                     {"raised", TimeWord(alert.raised_unix_us())}});
  }
  return cases;
}

Response Api::ReadRecord(const Request& request, uint64_t id,
                         const Caller& caller) {
  std::optional<RecordRequest> one;
  {
    const std::lock_guard lock(records_mutex_);
    if (auto failed = RecordUnanswered()) return *failed;
    Response refusal;
    one = RecordFor(id, caller, &refusal);
    if (!one) return refusal;
  }
  if (one->requester != caller.account.name) return NoSuchRequest();
  if (one->state != RecordState::kAgreed) {
    return Refusal(409, "not_now",
                   "Somebody else has to agree first; then it can be read for "
                   "an hour.");
  }
  const auto found = EventsAbout(one->school, one->subject, kRecordMostLines);
  if (!found.ok()) {
    return Refusal(503, "no_record", "This cannot be read at the moment.");
  }
  const bool csv = request.Query("format") == "csv";
  if (auto failed =
          Record(caller.account.name, csv ? "export_record" : "read_record",
                 one->subject, one->approver)) {
    return *failed;
  }
  const json lines = RecordLines(*found);
  if (csv) {
    Response response;
    response.type = "text/csv; charset=utf-8";
    response.body = RecordCsv(lines);
    return response;
  }
  return JsonAnswer({{"lines", lines},
                     {"more", found->size() >= kRecordMostLines},
                     {"keep_days", KeepContactDays(one->school)},
                     {"cases", CasesAbout(one->subject, caller)},
                     {"request", RecordRequestJson(*one, caller)}});
}

}  // namespace schoolgate::collector
