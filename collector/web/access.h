// Who may call what: one table, which the server obeys and the tests walk
// through.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/store/account_store.h"

namespace schoolgate::collector {

enum class Endpoint {
  kSession,
  kLogin,
  kLogInWays,
  kBeginDirectory,
  kFinishDirectory,
  kFinishDirectoryCode,
  kLogout,
  kPassword,
  kActive,
  kAlerts,
  kAlert,
  kRelated,
  kNote,
  kState,
  kIncident,
  kHold,
  kAttach,
  kFetchAttachment,
  kRemoveAttachment,
  kPack,
  kSecondFactor,
  kContacts,
  kWriteContact,
  kLetter,
  kResponseTimes,
  kRestrictions,
  kRetention,
  kApproveRetention,
  kToldName,
  kReport,
  kBudget,
  kChangeBudget,
  kAskName,
  kNames,
  kApproveName,
  kEndName,
  kOpenName,
  kLive,
  kOwnRecord,
  kRecords,
  kAskRecord,
  kReadRecord,
  kAgreeRecord,
  kEndRecord,
  kPasses,
  kClass,
  kPreviewPass,
  kPublishPass,
  kDevices,
  kInventory,
  kUploadInventory,
  kReviews,
  kWriteReview,
  kSignReview,
  kFetchReview,
  kRules,
  kChangeRules,
  kAudit,
  kNotice,
};

struct AccessRule {
  Endpoint endpoint;
  const char* method;
  const char* path;          // "*" stands for a number
  uint32_t roles;            // bits of Role; 0: without log-in
  bool before_new_password;  // also with a one-time password still in use
};

constexpr uint32_t RoleBit(Role role) {
  return 1u << static_cast<unsigned>(role);
}

const std::vector<AccessRule>& AccessTable();

// nullptr: nothing there. *number is what stood for "*". *path_known tells a
// wrong method from an unknown path.
const AccessRule* FindRule(const std::string& method, const std::string& path,
                           uint64_t* number, bool* path_known);

bool RoleMay(Role role, Endpoint endpoint);

// "safety_lead" for programs, "Safety lead" for people.
const char* RoleWord(Role role);
const char* RoleTitle(Role role);

}  // namespace schoolgate::collector
