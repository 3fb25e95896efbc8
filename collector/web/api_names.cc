// Opening a name with two people: their browsers do it, this only passes on
// what they seal for each other, by the rules of who may and until when.
#include "absl/strings/str_cat.h"
#include "collector/web/api.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kReasonLimit = 500;
constexpr size_t kReasonLeast = 10;
constexpr size_t kKeyHex = 2 * seal::kPublicKeyBytes;
// A share is 33 bytes, its box 48 more.
constexpr size_t kSealedShareHex = 2 * (33 + 48);
constexpr size_t kEventsAtOnce = 2000;
constexpr int kPages = 50;

struct SealedLogin {
  std::string box, key_id;
};

// The newest sealed log-in that came for this alias.
absl::StatusOr<SealedLogin> FindSealedLogin(EventStore* events,
                                            const v1::Alert& alert) {
  if (events == nullptr) return absl::NotFoundError("no events");
  EventQuery query;
  query.school = alert.school();
  query.subject = alert.subject();
  query.limit = kEventsAtOnce;
  for (int page = 0; page < kPages; ++page) {
    const auto found = events->Find(query);
    if (!found.ok()) return found.status();
    for (const StoredEvent& one : *found) {
      const v1::PersonSeen& seen = one.event.person_seen();
      if (!seen.sealed_login().empty()) {
        return SealedLogin{seen.sealed_login(), seen.safeguarding_key_id()};
      }
    }
    if (found->size() < kEventsAtOnce) break;
    query.to = found->back().happened;
  }
  return absl::NotFoundError("no log-in");
}

Response NoSuchRequest() {
  return Refusal(404, "not_found", "There is no such request.");
}

Response AnswerTo(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return Busy();
  if (absl::IsNotFound(status)) return NoSuchRequest();
  return Refusal(409, "not_now", std::string(status.message()));
}

// Hexadecimal of the one right length; else empty.
std::string HexText(const nlohmann::json& body, const char* key, size_t size) {
  const std::string text = Text(body, key, size + 1);
  return text.size() == size && seal::FromHex(text).ok() ? text : "";
}

}  // namespace

std::optional<Response> Api::RecordExpiredNames() {
  const auto expired = names_.TakeExpired(clock_.SinceBoot());
  if (!expired.ok()) return Busy();
  for (const NameRequest& one : *expired) {
    if (auto failed = Record("system", "expire_name", absl::StrCat(one.alert),
                             one.requester)) {
      return failed;
    }
  }
  return std::nullopt;
}

Response Api::AskName(const Request& request, uint64_t id,
                      const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  Response refusal;
  const std::optional<v1::Alert> alert = SeenBy(id, caller, &refusal);
  if (!alert) return refusal;
  NameRequest fresh;
  fresh.alert = id;
  fresh.school = alert->school();
  fresh.requester = caller.account.name;
  fresh.reason = Text(body, "reason", kReasonLimit);
  fresh.requester_key = HexText(body, "key", kKeyHex);
  if (fresh.reason.size() < kReasonLeast || fresh.requester_key.empty()) {
    return Refusal(400, "incomplete",
                   "Say in a few words why the name is needed.");
  }
  if (alert->subject().rfind("P-", 0) != 0) {
    return Refusal(409, "not_now", "No person is known here, only a device.");
  }
  const auto login = FindSealedLogin(stores_.events, *alert);
  if (!login.ok()) {
    return Refusal(409, "not_now",
                   "No sealed name has come for this alias, or it is older "
                   "than events are kept. It cannot be opened.");
  }
  fresh.sealed_login = seal::ToHex(login->box);
  fresh.key_id = seal::ToHex(login->key_id);
  const std::lock_guard lock(names_mutex_);
  if (auto failed = RecordExpiredNames()) return *failed;
  const absl::Duration now = clock_.SinceBoot();
  if (absl::Status may = names_.MayAsk(id, now); !may.ok()) {
    return AnswerTo(may);
  }
  if (auto failed = Record(caller.account.name, "ask_name", absl::StrCat(id),
                           fresh.reason)) {
    return *failed;
  }
  const auto asked = names_.Ask(std::move(fresh), now);
  if (!asked.ok()) return AnswerTo(asked.status());
  return JsonAnswer(NameJson(*asked, caller, true));
}

nlohmann::json Api::NameJson(const NameRequest& one, const Caller& caller,
                             bool sees_alert) {
  const absl::Duration left = one.until - clock_.SinceBoot();
  nlohmann::json value = {
      {"id", one.id},
      {"alert", one.alert},
      {"sees_alert", sees_alert},
      {"mine", one.requester == caller.account.name},
      {"state", NameStateWord(one.state)},
      {"reason", one.reason},
      {"requester", NameOf(one.requester)},
      {"approver", one.approver.empty() ? "" : NameOf(one.approver)},
      {"key", one.requester_key},
      {"key_id", one.key_id},
      {"seconds_left", std::max<int64_t>(0, absl::ToInt64Seconds(left))}};
  return value;
}

bool Api::MayAnswerName(const NameRequest& one, const Caller& caller,
                        bool* sees_alert) {
  const absl::StatusOr<v1::Alert> alert = stores_.alerts.Get(one.alert);
  if (!alert.ok()) return false;
  const Readers everybody = Everybody();
  *sees_alert = SightOf(caller.account, *alert, everybody) == Sight::kFull;
  if (one.requester == caller.account.name) return *sees_alert;
  return MayApproveName(caller.account, *alert, everybody);
}

Response Api::ListNames(const Request& request, const Caller& caller) {
  // A page that stays open asks again and again; its opening is on record.
  if (request.Header("x-background") != "1") {
    if (auto failed = Record(caller.account.name, "view_names", "", "")) {
      return *failed;
    }
  }
  const std::lock_guard lock(names_mutex_);
  if (auto failed = RecordExpiredNames()) return *failed;
  nlohmann::json list = nlohmann::json::array();
  const auto all = names_.All(clock_.SinceBoot());
  if (!all.ok()) return Busy();
  for (const NameRequest& one : *all) {
    bool sees_alert = false;
    const bool mine = one.requester == caller.account.name;
    const bool answered = one.state != NameState::kAsked && !mine;
    if (answered && one.approver != caller.account.name) continue;
    if (!MayAnswerName(one, caller, &sees_alert)) continue;
    list.push_back(NameJson(one, caller, sees_alert));
  }
  return JsonAnswer({{"requests", std::move(list)}});
}

std::optional<NameRequest> Api::NameFor(uint64_t id, const Caller& caller,
                                        Response* refusal) {
  bool sees_alert = false;
  absl::StatusOr<NameRequest> one = names_.Get(id, clock_.SinceBoot());
  if (one.ok() && MayAnswerName(*one, caller, &sees_alert)) return *one;
  if (absl::IsUnavailable(one.status())) {
    *refusal = Busy();
    return std::nullopt;
  }
  // The same for what is hidden and what is not there.
  *refusal = NoSuchRequest();
  if (auto failed = Record(caller.account.name, "refused", "", "name")) {
    *refusal = *failed;
  }
  return std::nullopt;
}

Response Api::ApproveName(const Request& request, uint64_t id,
                          const Caller& caller) {
  const std::string sealed =
      HexText(BodyObject(request), "sealed_share", kSealedShareHex);
  if (sealed.empty()) return Refusal(400, "incomplete", "Unlock your share.");
  const std::lock_guard lock(names_mutex_);
  if (auto failed = RecordExpiredNames()) return *failed;
  Response refusal;
  const auto one = NameFor(id, caller, &refusal);
  if (!one) return refusal;
  const std::string& who = caller.account.name;
  const bool open = one->state == NameState::kAsked && one->requester != who;
  if (auto failed = Record(who, open ? "approve_name" : "approve_name_refused",
                           absl::StrCat(one->alert), one->requester)) {
    return *failed;
  }
  const absl::Status done = names_.Approve(id, who, sealed, clock_.SinceBoot());
  return done.ok() ? JsonAnswer(nlohmann::json::object()) : AnswerTo(done);
}

Response Api::EndName(uint64_t id, const Caller& caller) {
  const std::lock_guard lock(names_mutex_);
  if (auto failed = RecordExpiredNames()) return *failed;
  Response refusal;
  const auto one = NameFor(id, caller, &refusal);
  if (!one) return refusal;
  const std::string& who = caller.account.name;
  const bool own = one->requester == who;
  if (!own && one->state == NameState::kApproved && one->approver != who) {
    return AnswerTo(absl::FailedPreconditionError(
        "Somebody has answered this request already."));
  }
  if (auto failed = Record(who, own ? "withdraw_name" : "refuse_name",
                           absl::StrCat(one->alert), one->requester)) {
    return *failed;
  }
  const absl::Status done =
      names_.End(id, who, own ? NameState::kWithdrawn : NameState::kRefused,
                 clock_.SinceBoot());
  return done.ok() ? JsonAnswer(nlohmann::json::object()) : AnswerTo(done);
}

Response Api::OpenName(uint64_t id, const Caller& caller) {
  const std::lock_guard lock(names_mutex_);
  if (auto failed = RecordExpiredNames()) return *failed;
  Response refusal;
  const auto one = NameFor(id, caller, &refusal);
  if (!one) return refusal;
  if (one->requester != caller.account.name) return NoSuchRequest();
  if (one->state != NameState::kApproved) {
    return AnswerTo(names_.Open(id, clock_.SinceBoot()).status());
  }
  // From here on the requester can read the name: on record first.
  if (auto failed = Record(caller.account.name, "open_name",
                           absl::StrCat(one->alert), one->approver)) {
    return *failed;
  }
  const auto opened = names_.Open(id, clock_.SinceBoot());
  if (!opened.ok()) return AnswerTo(opened.status());
  return JsonAnswer({{"sealed_login", opened->sealed_login},
                     {"sealed_share", opened->sealed_share}});
}

}  // namespace schoolgate::collector
