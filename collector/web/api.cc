#include "collector/web/api.h"

#include <charconv>

#include "absl/strings/match.h"
#include "collector/web/set_up_facts.h"

namespace schoolgate::collector {
namespace {

// A school may be one address: a pupil who guesses there slows the others
// down for half a minute, not more.
constexpr ThrottleLimits kAddressLimits = {.free_failures = 20,
                                           .first_wait = absl::Seconds(2),
                                           .longest_wait = absl::Seconds(30),
                                           .forget = absl::Hours(1)};
constexpr RateLimits kSessionRate = {.per_second = 20, .burst = 80};
constexpr RateLimits kStrangerRate = {.per_second = 10, .burst = 60};

Response LogInFirst() {
  return Refusal(401, "log_in",
                 "Log in to go on. You may have been logged out because "
                 "nothing happened for a while.");
}

bool IsWrite(const Request& request) { return request.method == "POST"; }

// A page of another site may make a browser send a request, but not with this
// type, and not with our own origin.
bool FromOurOwnPage(const Request& request) {
  if (!absl::StartsWith(request.Header("content-type"), "application/json")) {
    return false;
  }
  const std::string site = request.Header("sec-fetch-site");
  if (!site.empty() && site != "same-origin") return false;
  const std::string origin = request.Header("origin");
  return origin.empty() || origin == "https://" + request.Header("host");
}

}  // namespace

Api::Api(Stores stores, NoticeFacts facts, SessionLimits limits,
         const platform::Clock& clock, std::unique_ptr<OidcProvider> oidc)
    : stores_(stores),
      facts_(std::move(facts)),
      clock_(clock),
      own_passing_(stores.passing == nullptr ? MakeMemoryPassingStore()
                                             : nullptr),
      passing_(stores.passing == nullptr ? *own_passing_ : *stores.passing),
      sessions_(limits, passing_),
      by_account_(ThrottleLimits{}),
      by_address_(kAddressLimits),
      by_session_(kSessionRate),
      without_log_in_(kStrangerRate),
      audit_check_(stores_.audit),
      oidc_(std::move(oidc)),
      directory_log_ins_(DirectoryLogInLimits{}, passing_),
      records_(passing_),
      names_(passing_) {}

Pace Api::PaceOf(const Request& request) {
  if (absl::StartsWith(request.path, "/api/v1/directory/")) {
    return Pace::kAsking;
  }
  return request.path == "/api/v1/login" || request.path == "/api/v1/password"
             ? Pace::kHashing
             : Pace::kQuick;
}

bool Api::SessionAlive(const std::string& key) {
  return sessions_.Alive(key, clock_.SinceBoot());
}

Response Api::Ready() {
  AlertQuery query;
  query.limit = 1;
  const bool ready = stores_.alerts.Find(query).ok() &&
                     stores_.audit.Read(0, 1).ok() &&
                     stores_.accounts.All().ok();
  return JsonAnswer({{"status", ready ? "ready" : "not ready"}},
                    ready ? 200 : 503);
}

std::string Api::NameOf(const std::string& account) {
  if (account == "system") return "Schoolgate";
  absl::StatusOr<Account> found = stores_.accounts.Get(account);
  return found.ok() && !found->display_name.empty() ? found->display_name
                                                    : account;
}

Readers Api::Everybody() {
  absl::StatusOr<std::vector<Account>> accounts = stores_.accounts.All();
  return {accounts.ok() ? *std::move(accounts) : std::vector<Account>(),
          stores_.policies};
}

std::optional<Response> Api::Record(const std::string& who,
                                    const std::string& action,
                                    const std::string& about,
                                    const std::string& detail) {
  AuditEntry entry;
  entry.time = clock_.Now();
  entry.who = who;
  entry.action = action;
  entry.about = about;
  entry.detail = detail;
  if (stores_.audit.Append(std::move(entry)).ok()) return std::nullopt;
  return Refusal(503, "not_recorded",
                 "This cannot be shown or changed at the moment, because it "
                 "could not be put on record. Ask your IT provider to check "
                 "the disk of the Schoolgate server.");
}

std::optional<Caller> Api::Admit(const Request& request, const AccessRule& rule,
                                 Response* refusal) {
  // Refreshing by itself must not keep an empty chair logged in.
  const bool touch = request.Header("x-background") != "1";
  absl::StatusOr<Session> session =
      sessions_.Find(request.Cookie(kSessionCookie), clock_.SinceBoot(), touch);
  if (!session.ok()) {
    *refusal = absl::IsNotFound(session.status()) ? LogInFirst() : Busy();
    return std::nullopt;
  }
  if (!by_session_.Take(session->key, clock_.SinceBoot())) {
    ++counters_.rate_limited;
    *refusal = Refusal(429, "too_fast", "Too many requests. Wait a moment.");
    return std::nullopt;
  }
  absl::StatusOr<Account> account = stores_.accounts.Get(session->account);
  if (absl::IsNotFound(account.status())) {
    (void)sessions_.Close(session->key, clock_.SinceBoot());
    *refusal = LogInFirst();
    return std::nullopt;
  }
  if (!account.ok()) {
    *refusal = Busy();
    return std::nullopt;
  }
  Caller caller{*std::move(account), *std::move(session)};
  if (IsWrite(request) &&
      (request.Header("x-csrf-token") != caller.session.csrf ||
       !FromOurOwnPage(request))) {
    ++counters_.refused;
    *refusal = Refusal(403, "not_from_here", "Reload the page and try again.");
    return std::nullopt;
  }
  if (caller.account.must_change_password && !rule.before_new_password) {
    *refusal = Refusal(403, "new_password", "Choose your own password first.");
    return std::nullopt;
  }
  if (!rule.before_new_password && rule.endpoint != Endpoint::kSecondFactor &&
      MustAddCode(caller.account)) {
    *refusal = Refusal(403, "second_factor",
                       "Your role needs an authenticator here. Add one under "
                       "“Password and code” first.");
    return std::nullopt;
  }
  if ((rule.roles & RoleBit(caller.account.role)) == 0) {
    ++counters_.refused;
    *refusal =
        Refusal(403, "not_your_role", "Your role does not include this page.");
    if (auto failed = Record(caller.account.name, "refused", "", rule.path)) {
      *refusal = *failed;
    }
    return std::nullopt;
  }
  return caller;
}

Response Api::Answer(const Request& request) {
  uint64_t number = 0;
  bool path_known = false;
  const AccessRule* rule =
      FindRule(request.method, request.path, &number, &path_known);
  if (rule == nullptr) {
    return path_known
               ? Refusal(405, "wrong_method", "This cannot be done here.")
               : Refusal(404, "not_found", "There is no such page.");
  }
  if (rule->roles == 0) return AnswerStranger(request, *rule);
  Response refusal;
  std::optional<Caller> caller = Admit(request, *rule, &refusal);
  return caller ? Dispatch(request, *rule, number, *caller) : refusal;
}

Response Api::AnswerStranger(const Request& request, const AccessRule& rule) {
  if (!without_log_in_.Take(request.address, clock_.SinceBoot())) {
    ++counters_.rate_limited;
    return Refusal(429, "too_fast", "Too many requests. Wait a moment.");
  }
  if (IsWrite(request) && !FromOurOwnPage(request)) {
    return Refusal(403, "not_from_here", "Reload the page and try again.");
  }
  switch (rule.endpoint) {
    case Endpoint::kLogin:
      return LogIn(request);
    case Endpoint::kLogInWays:
      return ShowLogIn();
    case Endpoint::kBeginDirectory:
      return BeginDirectory(request);
    case Endpoint::kFinishDirectory:
      return FinishDirectory(request);
    case Endpoint::kFinishDirectoryCode:
      return FinishDirectoryCode(request);
    default:
      return Refusal(404, "not_found", "There is no such page.");
  }
}

std::optional<LiveTicket> Api::AdmitLive(const Request& request,
                                         Response* refusal) {
  uint64_t number = 0;
  bool path_known = false;
  const AccessRule* rule =
      FindRule("GET", "/api/v1/live", &number, &path_known);
  Request background = request;
  background.headers["x-background"] = "1";
  std::optional<Caller> caller = Admit(background, *rule, refusal);
  if (!caller) return std::nullopt;
  std::string after = request.Header("last-event-id");
  if (after.empty()) after = request.Query("after");
  LiveTicket ticket{caller->account, caller->session.key, 0};
  std::from_chars(after.data(), after.data() + after.size(), ticket.after);
  if (auto failed = Record(caller->account.name, "watch_alerts", "", "")) {
    *refusal = *failed;
    return std::nullopt;
  }
  return ticket;
}

Response Api::Dispatch(const Request& request, const AccessRule& rule,
                       uint64_t number, const Caller& caller) {
  switch (rule.endpoint) {
    case Endpoint::kSession:
      return JsonAnswer(SessionJson(caller));
    case Endpoint::kLogout:
      return LogOut(caller);
    case Endpoint::kPassword:
      return ChangePassword(request, caller);
    case Endpoint::kActive:
      return JsonAnswer(nlohmann::json::object());
    case Endpoint::kAlerts:
      return ListAlerts(request, caller);
    case Endpoint::kAlert:
      return ShowAlert(number, caller);
    case Endpoint::kNote:
      return AddNote(request, number, caller);
    case Endpoint::kState:
      return ChangeState(request, number, caller);
    case Endpoint::kIncident:
      return WriteIncident(request, number, caller);
    case Endpoint::kAttach:
      return Attach(request, number, caller);
    case Endpoint::kFetchAttachment:
      return FetchAttachment(number, caller);
    case Endpoint::kRemoveAttachment:
      return RemoveAttachment(request, number, caller);
    case Endpoint::kSecondFactor:
      return ChangeSecondFactor(request, caller);
    case Endpoint::kReport:
      return ShowReport(request, caller);
    case Endpoint::kBudget:
      return ShowBudget(caller);
    case Endpoint::kChangeBudget:
      return ChangeBudget(request, caller);
    case Endpoint::kHold:
      return ChangeHold(request, number, caller);
    case Endpoint::kPack:
      return ExportPack(number, caller);
    case Endpoint::kAskName:
      return AskName(request, number, caller);
    case Endpoint::kNames:
      return ListNames(request, caller);
    case Endpoint::kApproveName:
      return ApproveName(request, number, caller);
    case Endpoint::kEndName:
      return EndName(number, caller);
    case Endpoint::kOpenName:
      return OpenName(number, caller);
    case Endpoint::kToldName:
      return ToldName(number, caller);
    case Endpoint::kContacts:
      return ShowContacts(caller);
    case Endpoint::kWriteContact:
      return ChangeContact(request, caller);
    case Endpoint::kRelated:
      return ShowRelated(number, caller);
    case Endpoint::kLetter:
      return DraftLetter(number, caller);
    case Endpoint::kResponseTimes:
      return ShowResponseTimes(caller);
    case Endpoint::kRestrictions:
      return ListRestrictions(caller);
    case Endpoint::kRetention:
      return ShowRetention(caller);
    case Endpoint::kApproveRetention:
      return ApproveRetention(request, caller);
    case Endpoint::kOwnRecord:
      return ShowOwnRecord(caller);
    case Endpoint::kRecords:
      return ListRecords(request, caller);
    case Endpoint::kAskRecord:
      return AskRecord(request, caller);
    case Endpoint::kReadRecord:
      return ReadRecord(request, number, caller);
    case Endpoint::kAgreeRecord:
      return AgreeRecord(number, caller);
    case Endpoint::kEndRecord:
      return EndRecord(number, caller);
    case Endpoint::kPasses:
      return ListPasses(request, caller);
    case Endpoint::kClass:
      return ShowClass(request, caller);
    case Endpoint::kPreviewPass:
      return PreviewPass(request, caller);
    case Endpoint::kPublishPass:
      return PublishPass(request, caller);
    case Endpoint::kDevices:
      return ListDevices(request, caller);
    case Endpoint::kInventory:
      return ShowInventory(request, caller);
    case Endpoint::kUploadInventory:
      return UploadInventory(request, caller);
    case Endpoint::kReviews:
      return ListReviews(request, caller);
    case Endpoint::kWriteReview:
      return WriteReview(request, caller);
    case Endpoint::kSignReview:
      return SignReview(request, caller);
    case Endpoint::kFetchReview:
      return FetchReview(request, caller);
    case Endpoint::kRules:
      return ListRules(caller);
    case Endpoint::kChangeRules:
      return ChangeRules(request, caller);
    case Endpoint::kAudit:
      return ShowAudit(request, caller);
    case Endpoint::kNotice:
      return WithSetUp(ShowNotice(), stores_, caller.account, clock_.Now());
    case Endpoint::kLogin:
    case Endpoint::kLogInWays:
    case Endpoint::kBeginDirectory:
    case Endpoint::kFinishDirectory:
    case Endpoint::kFinishDirectoryCode:
    case Endpoint::kLive:
      break;
  }
  return Refusal(404, "not_found", "There is no such page.");
}

}  // namespace schoolgate::collector
