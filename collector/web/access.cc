#include "collector/web/access.h"

#include <charconv>
#include <iterator>
#include <string_view>

namespace schoolgate::collector {
namespace {

constexpr uint32_t kEverybody = (1u << 7) - 1;
constexpr uint32_t kSafeguarding =
    RoleBit(Role::kSafetyLead) | RoleBit(Role::kDeputy) | RoleBit(Role::kHead) |
    RoleBit(Role::kSecondSenior);
constexpr uint32_t kProvider = RoleBit(Role::kItProvider);
constexpr uint32_t kGovernor = RoleBit(Role::kGovernor);
constexpr uint32_t kProtection = RoleBit(Role::kDataProtectionOfficer);
constexpr uint32_t kRecordKeepers = kSafeguarding | kProtection;
constexpr uint32_t kAllAboutAlerts = kSafeguarding | kProvider | kGovernor;
constexpr uint32_t kOverseers = RoleBit(Role::kHead) |
                                RoleBit(Role::kSecondSenior) | kGovernor |
                                kProtection;

// Whether `path` is `pattern` with a number where the pattern has "*".
bool PathFits(std::string_view pattern, std::string_view path,
              uint64_t* number) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path;
  const std::string_view tail = pattern.substr(star + 1);
  if (path.size() <= star + tail.size() ||
      path.substr(0, star) != pattern.substr(0, star) ||
      path.substr(path.size() - tail.size()) != tail) {
    return false;
  }
  const std::string_view digits =
      path.substr(star, path.size() - star - tail.size());
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, *number);
  return error == std::errc() && stopped == end && *number > 0;
}

using E = Endpoint;
const AccessRule kTable[] = {
    {E::kLogin, "POST", "/api/v1/login", 0, true},
    {E::kLogInWays, "GET", "/api/v1/login", 0, true},
    {E::kBeginDirectory, "POST", "/api/v1/directory/begin", 0, true},
    {E::kFinishDirectory, "POST", "/api/v1/directory/finish", 0, true},
    {E::kFinishDirectoryCode, "POST", "/api/v1/directory/code", 0, true},
    {E::kSession, "GET", "/api/v1/session", kEverybody, true},
    {E::kLogout, "POST", "/api/v1/logout", kEverybody, true},
    {E::kPassword, "POST", "/api/v1/password", kEverybody, true},
    {E::kActive, "POST", "/api/v1/active", kEverybody, true},
    {E::kSecondFactor, "POST", "/api/v1/second-factor", kEverybody, false},
    {E::kReport, "GET", "/api/v1/report",
     kRecordKeepers | kProvider | kGovernor, false},
    {E::kBudget, "GET", "/api/v1/budget", kSafeguarding, false},
    {E::kChangeBudget, "POST", "/api/v1/budget", kSafeguarding, false},
    {E::kAlerts, "GET", "/api/v1/alerts", kAllAboutAlerts, false},
    {E::kAlert, "GET", "/api/v1/alerts/*", kSafeguarding | kProvider, false},
    {E::kRelated, "GET", "/api/v1/alerts/*/related", kSafeguarding, false},
    {E::kNote, "POST", "/api/v1/alerts/*/notes", kSafeguarding, false},
    {E::kState, "POST", "/api/v1/alerts/*/state", kSafeguarding, false},
    {E::kIncident, "POST", "/api/v1/alerts/*/incident", kSafeguarding, false},
    {E::kHold, "POST", "/api/v1/alerts/*/hold", kSafeguarding, false},
    {E::kAttach, "POST", "/api/v1/alerts/*/attachments", kSafeguarding, false},
    {E::kFetchAttachment, "GET", "/api/v1/attachments/*", kSafeguarding, false},
    {E::kRemoveAttachment, "POST", "/api/v1/attachments/*/remove",
     kSafeguarding, false},
    {E::kPack, "POST", "/api/v1/alerts/*/pack", kSafeguarding, false},
    {E::kAskName, "POST", "/api/v1/alerts/*/name", kSafeguarding, false},
    {E::kNames, "GET", "/api/v1/names", kSafeguarding, false},
    {E::kApproveName, "POST", "/api/v1/names/*/approve", kSafeguarding, false},
    {E::kEndName, "POST", "/api/v1/names/*/end", kSafeguarding, false},
    {E::kOpenName, "POST", "/api/v1/names/*/open", kSafeguarding, false},
    {E::kToldName, "POST", "/api/v1/names/*/told", kSafeguarding, false},
    {E::kContacts, "GET", "/api/v1/contacts", kSafeguarding, false},
    {E::kWriteContact, "POST", "/api/v1/contacts", kSafeguarding, false},
    {E::kLetter, "GET", "/api/v1/alerts/*/letter", kSafeguarding, false},
    {E::kResponseTimes, "GET", "/api/v1/response-times", kGovernor, false},
    {E::kRestrictions, "GET", "/api/v1/restrictions", kSafeguarding, false},
    {E::kRetention, "GET", "/api/v1/retention", kRecordKeepers, false},
    {E::kApproveRetention, "POST", "/api/v1/retention", kRecordKeepers, false},
    {E::kLive, "GET", "/api/v1/live", kSafeguarding | kProvider, false},
    {E::kOwnRecord, "GET", "/api/v1/my-record", kEverybody, false},
    {E::kRecords, "GET", "/api/v1/records", kRecordKeepers, false},
    {E::kAskRecord, "POST", "/api/v1/records", kRecordKeepers, false},
    {E::kReadRecord, "GET", "/api/v1/records/*", kRecordKeepers, false},
    {E::kAgreeRecord, "POST", "/api/v1/records/*/agree", kRecordKeepers, false},
    {E::kEndRecord, "POST", "/api/v1/records/*/end", kRecordKeepers, false},
    {E::kPasses, "GET", "/api/v1/passes", kSafeguarding, false},
    {E::kClass, "GET", "/api/v1/class", kSafeguarding, false},
    {E::kPreviewPass, "POST", "/api/v1/passes/preview", kSafeguarding, false},
    {E::kPublishPass, "POST", "/api/v1/passes", kSafeguarding, false},
    {E::kDevices, "GET", "/api/v1/devices", kRecordKeepers | kProvider, false},
    {E::kInventory, "GET", "/api/v1/inventory", kSafeguarding | kProvider,
     false},
    {E::kUploadInventory, "POST", "/api/v1/inventory",
     kSafeguarding | kProvider, false},
    {E::kReviews, "GET", "/api/v1/reviews", kAllAboutAlerts, false},
    {E::kWriteReview, "POST", "/api/v1/reviews", kSafeguarding, false},
    {E::kSignReview, "POST", "/api/v1/reviews/sign", kSafeguarding, false},
    {E::kFetchReview, "GET", "/api/v1/reviews/signed", kSafeguarding, false},
    {E::kRules, "GET", "/api/v1/rules", kProvider, false},
    {E::kChangeRules, "POST", "/api/v1/rules", kProvider, false},
    {E::kAudit, "GET", "/api/v1/audit", kOverseers, false},
    {E::kNotice, "GET", "/api/v1/notice", kEverybody, false},
};

}  // namespace

const std::vector<AccessRule>& AccessTable() {
  static const std::vector<AccessRule> table(std::begin(kTable),
                                             std::end(kTable));
  return table;
}

const AccessRule* FindRule(const std::string& method, const std::string& path,
                           uint64_t* number, bool* path_known) {
  *path_known = false;
  for (const AccessRule& rule : AccessTable()) {
    if (!PathFits(rule.path, path, number)) continue;
    *path_known = true;
    if (method == rule.method) return &rule;
  }
  return nullptr;
}

bool RoleMay(Role role, Endpoint endpoint) {
  for (const AccessRule& rule : AccessTable()) {
    if (rule.endpoint == endpoint) {
      return rule.roles == 0 || (rule.roles & RoleBit(role)) != 0;
    }
  }
  return false;
}

const char* RoleWord(Role role) {
  switch (role) {
    case Role::kItProvider:
      return "it_provider";
    case Role::kSafetyLead:
      return "safety_lead";
    case Role::kDeputy:
      return "deputy";
    case Role::kHead:
      return "head";
    case Role::kSecondSenior:
      return "second_senior";
    case Role::kGovernor:
      return "governor";
    case Role::kDataProtectionOfficer:
      return "data_protection_officer";
  }
  return "unknown";
}

const char* RoleTitle(Role role) {
  switch (role) {
    case Role::kItProvider:
      return "IT provider";
    case Role::kSafetyLead:
      return "Safety lead";
    case Role::kDeputy:
      return "Deputy safety lead";
    case Role::kHead:
      return "Head teacher";
    case Role::kSecondSenior:
      return "Second senior leader";
    case Role::kGovernor:
      return "Governor";
    case Role::kDataProtectionOfficer:
      return "Data protection officer";
  }
  return "Unknown";
}

}  // namespace schoolgate::collector
