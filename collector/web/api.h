// /api/v1: every call of the dashboard, without its transport.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/cases/precision.h"
#include "collector/cases/report.h"
#include "collector/cases/sight.h"
#include "collector/oidc/provider.h"
#include "collector/store/device_owners.h"
#include "collector/web/access.h"
#include "collector/web/audit_check.h"
#include "collector/web/directory_log_ins.h"
#include "collector/web/http.h"
#include "collector/web/inventory.h"
#include "collector/web/name_requests.h"
#include "collector/web/opened_names.h"
#include "collector/web/record_requests.h"
#include "collector/web/sessions.h"
#include "collector/web/stores.h"
#include "collector/web/throttle.h"
#include "platform/clock.h"
#include "rules/ruleset.h"

namespace schoolgate::collector {

inline constexpr char kSessionCookie[] = "__Host-session";

// "20261129T120405.000001Z": sorts as time does.
std::string TimeKey(absl::Time time);

// Who asks.
struct Caller {
  Account account;
  Session session;
};

// What a live feed needs to start.
struct LiveTicket {
  Account viewer;
  std::string session_key;
  uint64_t after = 0;  // revision seen last
};

struct ApiCounters {
  std::atomic<uint64_t> log_ins{0}, log_ins_failed{0}, refused{0},
      rate_limited{0};
};

// How long an answer may take: the three do not wait for each other.
enum class Pace {
  kQuick,
  kHashing,  // a password: a tenth of a second
  kAsking,   // another server: seconds
};

// Thread-safe. Whatever is shown or changed is in the audit log first; when
// the log cannot be written the call is refused.
class Api {
 public:
  // `oidc`: the school's directory; null: people log in here alone.
  Api(Stores stores, NoticeFacts facts, SessionLimits limits,
      const platform::Clock& clock,
      std::unique_ptr<OidcProvider> oidc = nullptr);

  static Pace PaceOf(const Request& request);

  Response Answer(const Request& request);

  // For GET /api/v1/live: a ticket, or the refusal in *refusal.
  std::optional<LiveTicket> AdmitLive(const Request& request,
                                      Response* refusal);

  // For GET /feed/...: alerts for a program with a token.
  Response AnswerFeed(const Request& request);

  // For /ready: 200 when the stores answer.
  Response Ready();

  // How much its body may have, judged by its head alone.
  size_t BodyLimit(const Request& request);
  // Whether a long body is not even read, by the head alone: whoever sends it
  // may not make this call.
  bool RefusesBody(const Request& request);

  bool SessionAlive(const std::string& key);
  std::string NameOf(const std::string& account);
  // All accounts, with the policies; none when they cannot be read.
  Readers Everybody();
  const ApiCounters& counters() const { return counters_; }

 private:
  // api.cc: who may do what
  std::optional<Caller> Admit(const Request& request, const AccessRule& rule,
                              Response* refusal);
  // What needs no log-in.
  Response AnswerStranger(const Request& request, const AccessRule& rule);
  Response Dispatch(const Request& request, const AccessRule& rule,
                    uint64_t number, const Caller& caller);
  // OK, or the answer that says it could not be put on record.
  std::optional<Response> Record(const std::string& who,
                                 const std::string& action,
                                 const std::string& about,
                                 const std::string& detail);

  // api_account.cc
  Response LogIn(const Request& request);
  Response FailLogIn(const std::string& name, const std::string& address,
                     const absl::StatusOr<Account>& account);
  // Who it is has been shown. `how`: the action on record.
  Response OpenSession(const Account& account, const std::string& how,
                       const Request& request);
  Response LogOut(const Caller& caller);
  Response ChangePassword(const Request& request, const Caller& caller);
  nlohmann::json SessionJson(const Caller& caller);

  // api_directory.cc
  Response ShowLogIn();
  Response BeginDirectory(const Request& request);
  Response FinishDirectory(const Request& request);
  Response FinishDirectoryCode(const Request& request);
  std::optional<Account> AccountOf(const TokenClaims& claims,
                                   const std::string& address,
                                   Response* refusal);

  // api_alerts.cc
  Response ListAlerts(const Request& request, const Caller& caller);
  Response ShowAlert(uint64_t id, const Caller& caller);
  Response AddNote(const Request& request, uint64_t id, const Caller& caller);
  Response ChangeState(const Request& request, uint64_t id,
                       const Caller& caller);
  Response WriteIncident(const Request& request, uint64_t id,
                         const Caller& caller);
  // With all that its page shows.
  // Alerts about the devices of the alert's evidence, as the caller sees them.
  std::vector<v1::Alert> OfItsDevices(const v1::Alert& alert,
                                      const Caller& caller);
  nlohmann::json WholeAlert(const v1::Alert& alert, const Caller& caller);
  // The alert when the caller may see it; else nullopt, on record.
  std::optional<v1::Alert> SeenBy(uint64_t id, const Caller& caller,
                                  Response* refusal);
  Response Changed(uint64_t id, const Caller& caller, const std::string& action,
                   const std::string& detail,
                   const std::function<absl::Status(v1::Alert*)>& change);

  // api_custody.cc
  Response ChangeHold(const Request& request, uint64_t id,
                      const Caller& caller);
  Response ExportPack(uint64_t id, const Caller& caller);

  // api_attachments.cc
  std::optional<bool> RoleOfCookie(const Request& request, uint32_t roles);
  Response Attach(const Request& request, uint64_t id, const Caller& caller);
  Response FetchAttachment(uint64_t id, const Caller& caller);
  Response RemoveAttachment(const Request& request, uint64_t id,
                            const Caller& caller);
  std::optional<Response> NoAttachmentsHere(const v1::Alert& alert);
  nlohmann::json AttachmentJson(const Attachment& one);
  nlohmann::json AttachmentsOf(const v1::Alert& alert);
  std::optional<Attachment> AttachmentFor(uint64_t id, const Caller& caller,
                                          v1::Alert* alert, Response* refusal);
  absl::StatusOr<std::vector<nlohmann::json>> AttachmentRecords(
      const v1::Alert& alert);

  // api_second_factor.cc
  Response ChangeSecondFactor(const Request& request, const Caller& caller);
  bool HasSecondFactor(const std::string& account);
  // The account's role is one that needs a code, and it has none yet.
  bool MustAddCode(const Account& account);
  // Of a new second factor: shown to its owner, not confirmed yet.
  absl::Status KeepNewSecret(const std::string& account,
                             const std::string& secret);
  absl::StatusOr<std::string> NewSecretOf(const std::string& account);
  // Takes the code: it is good once.
  bool TakeCode(const std::string& account, const std::string& code);

  // api_report.cc
  Response ShowReport(const Request& request, const Caller& caller);
  Response ShowResponseTimes(const Caller& caller);
  absl::StatusOr<Report> ReportOf(const std::string& kind,
                                  const Account& reader,
                                  const std::string& school,
                                  const Period& period);
  absl::StatusOr<Report> GovernorsFigures(const std::string& school,
                                          const Period& period,
                                          const Readers& everybody);
  absl::StatusOr<Report> LeadersFigures(const Account& reader,
                                        const Period& period,
                                        const Readers& everybody);
  absl::StatusOr<Report> Trends(const Account& reader, const Period& period,
                                const Readers& everybody);
  // Those of the school that the reader may see at least so much of.
  absl::StatusOr<std::vector<v1::Alert>> AlertsOfPeriod(
      const Account& reader, const std::string& school, const Period& period,
      const Readers& everybody, Sight least = Sight::kFull);
  absl::StatusOr<Report> DeviceFigures(const Account& reader,
                                       const std::string& school,
                                       const Period& period,
                                       const Readers& everybody);
  // api_changes.cc
  absl::StatusOr<uint64_t> LinesBefore(absl::Time time);
  absl::StatusOr<Report> ChangeFigures(const std::string& school,
                                       const Period& period);
  absl::StatusOr<Report> EffectFigures(const Account& reader,
                                       const Period& period,
                                       const Readers& everybody);

  // api_reviews.cc
  Response ListReviews(const Request& request, const Caller& caller);
  Response WriteReview(const Request& request, const Caller& caller);
  Response SignReview(const Request& request, const Caller& caller);
  Response FetchReview(const Request& request, const Caller& caller);
  Response ReviewsAnswer(const std::string& school, const Caller& caller);
  // Reviews of the school whose time has come.
  uint64_t ReviewsDue(const std::string& school);
  absl::StatusOr<absl::Time> LastReview(const std::string& school,
                                        const std::string& kind);
  absl::StatusOr<std::vector<v1::Alert>> AlertsForAll(
      const std::string& school);
  absl::StatusOr<nlohmann::json> ReviewTables(const std::string& school,
                                              absl::Time since,
                                              nlohmann::json* reasons);
  nlohmann::json ReviewRecords(const std::string& school, const Caller& caller);
  // Whose school a call is about: the caller's, or for the IT provider the
  // one that the query names. nullopt: *refusal says which there are.
  std::optional<std::string> SchoolFor(const Request& request,
                                       const Caller& caller, Response* refusal);

  // api_inventory.cc
  Response ShowInventory(const Request& request, const Caller& caller);
  Response UploadInventory(const Request& request, const Caller& caller);
  std::optional<Response> TakeOwners(std::span<const InventoryLine> lines,
                                     const std::string& school,
                                     const Caller& caller);
  Response InventoryAnswer(const std::string& school);

  // api_budget.cc
  Response ShowBudget(const Caller& caller);
  Response ChangeBudget(const Request& request, const Caller& caller);
  // Alerts of these kinds wait for the digest.
  DigestKinds KindsInDigest(const std::string& school);

  // api_names.cc
  Response AskName(const Request& request, uint64_t id, const Caller& caller);
  Response ListNames(const Request& request, const Caller& caller);
  Response ApproveName(const Request& request, uint64_t id,
                       const Caller& caller);
  Response EndName(uint64_t id, const Caller& caller);
  Response OpenName(uint64_t id, const Caller& caller);
  nlohmann::json NameJson(const NameRequest& one, const Caller& caller,
                          bool sees_alert);
  // With names_mutex_ held.
  bool MayAnswerName(const NameRequest& one, const Caller& caller,
                     bool* sees_alert);
  std::optional<NameRequest> NameFor(uint64_t id, const Caller& caller,
                                     Response* refusal);
  std::optional<Response> RecordExpiredNames();

  // api_opened_names.cc: the person is told afterwards
  std::optional<Response> NoteOpenedName(const NameRequest& one);
  absl::StatusOr<std::vector<OpenedName>> OpenedNames(
      const std::string& school);
  nlohmann::json NamesToTell(const Caller& caller);
  nlohmann::json OwnOpenedNames(const Caller& caller);
  Response ToldName(uint64_t number, const Caller& caller);

  // api_contacts.cc
  Response ShowContacts(const Caller& caller);
  Response ChangeContact(const Request& request, const Caller& caller);
  nlohmann::json ContactsOfAlert(const v1::Alert& alert);
  Response DraftLetter(uint64_t id, const Caller& caller);

  // api_related.cc
  nlohmann::json RelatedAlerts(const v1::Alert& alert, const Caller& caller);
  Response ShowRelated(uint64_t id, const Caller& caller);

  // api_retention.cc
  Response ShowRetention(const Caller& caller);
  Response ApproveRetention(const Request& request, const Caller& caller);

  // api_restrictions.cc
  Response ListRestrictions(const Caller& caller);

  // api_own_record.cc
  Response ShowOwnRecord(const Caller& caller);
  // By the school's policy; 0: not set.
  int64_t KeepContactDays(const std::string& school);

  // api_records.cc
  Response AskRecord(const Request& request, const Caller& caller);
  Response ListRecords(const Request& request, const Caller& caller);
  Response AgreeRecord(uint64_t id, const Caller& caller);
  Response EndRecord(uint64_t id, const Caller& caller);
  Response ReadRecord(const Request& request, uint64_t id,
                      const Caller& caller);
  nlohmann::json RecordRequestJson(const RecordRequest& one,
                                   const Caller& caller);
  nlohmann::json CasesAbout(const std::string& subject, const Caller& caller);
  absl::StatusOr<std::vector<StoredEvent>> EventsAbout(
      const std::string& school, const std::string& subject, size_t limit);
  // With records_mutex_ held.
  std::optional<RecordRequest> RecordFor(uint64_t id, const Caller& caller,
                                         Response* refusal);
  std::optional<Response> RecordUnanswered();

  // api_passes.cc
  Response ListPasses(const Request& request, const Caller& caller);
  Response PreviewPass(const Request& request, const Caller& caller);
  Response PublishPass(const Request& request, const Caller& caller);
  nlohmann::json PassRequests(const Caller& caller);
  std::shared_ptr<const rules::Ruleset> RulesOf(const std::string& school);

  // api_class.cc
  Response ShowClass(const Request& request, const Caller& caller);

  // api_rules.cc
  Response ListRules(const Caller& caller);
  Response ChangeRules(const Request& request, const Caller& caller);

  // api_fleet.cc
  Response ListDevices(const Request& request, const Caller& caller);
  const Owned* OwnerOf(const Device& device,
                       std::map<std::string, SchoolOwners>* known);
  Response ShowAudit(const Request& request, const Caller& caller);
  Response ShowNotice();
  uint64_t LastAuditNumber();

  Stores stores_;
  const NoticeFacts facts_;
  const platform::Clock& clock_;
  const std::unique_ptr<PassingStore> own_passing_;  // where none is shared
  PassingStore& passing_;
  Sessions sessions_;
  Throttle by_account_, by_address_;
  RateLimit by_session_, without_log_in_;
  ApiCounters counters_;
  AuditCheck audit_check_;
  const std::unique_ptr<OidcProvider> oidc_;
  DirectoryLogIns directory_log_ins_;
  std::mutex second_factor_mutex_;
  std::mutex rules_mutex_;
  // The bundle's hash, and it opened; by school.
  std::map<std::string,
           std::pair<std::string, std::shared_ptr<const rules::Ruleset>>>
      rules_;
  std::mutex records_mutex_;
  RecordRequests records_;
  std::mutex attachments_mutex_;
  std::mutex names_mutex_;
  NameRequests names_;
};

}  // namespace schoolgate::collector
