// Accounts that are used where, or by more people than, they should be: one
// pupil's on two devices at once, a pupil's on the staff's, the staff's on the
// pupils', somebody else's on what was given to one person.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "collector/detect/shared_text.h"
#include "collector/policy/school_policies.h"
#include "collector/store/device_owners.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Not thread-safe. The order in which events are added does not matter, and
// one that is added twice counts once. What a program does by itself, and what
// happens behind a locked screen, is nobody's use of an account.
class AccountWatch {
 public:
  // Two devices in turn, this often, each time within kTurn: nobody walks to
  // and fro like that.
  static constexpr int kTurns = 3;
  static constexpr absl::Duration kTurn = absl::Minutes(10);
  static constexpr absl::Duration kSharedFor = absl::Minutes(5);
  // Between the first and the last use within an hour.
  static constexpr absl::Duration kPupilOnStaffs = absl::Minutes(2);
  static constexpr absl::Duration kStaffOnPupils = absl::Minutes(10);
  static constexpr size_t kMostUses = 256;  // of an account; the newest
  static constexpr size_t kMostAccounts = 100'000;

  // Null: none; no device is anybody's own.
  explicit AccountWatch(const SchoolPolicies* policies,
                        DeviceOwners* owners = nullptr)
      : policies_(policies), owners_(owners) {}

  void Add(const StoredEvent& event);

  // One account on two devices: new or grown since the last call.
  std::vector<Finding> Settle();

  // Accounts on devices that are not for them. The devices' groups are those
  // of now.
  void OnTick(std::span<const Device> devices, std::vector<Finding>& out);

  void Forget(absl::Time before);

  uint64_t refused() const { return refused_; }

 private:
  struct Use {
    absl::Time time;
    SharedText device;
    uint64_t epoch = 0, sequence = 0;
    SharedText group;  // of the person

    bool operator<(const Use& other) const {
      return std::tie(time, device, epoch, sequence) <
             std::tie(other.time, other.device, other.epoch, other.sequence);
    }
  };
  using AccountId = std::pair<std::string, std::string>;  // school, pseudonym
  using Uses = std::vector<const Use*>;                   // by time
  using DevicesById = std::map<std::string, const Device*>;

  bool IsLike(const std::string& school, const std::string& group,
              std::span<const std::string_view> kinds) const;
  bool IsPupils(const std::string& school, const std::string& group) const;
  bool IsStaffs(const std::string& school, const std::string& group) const;
  static Uses Shared(const std::set<Use>& all);
  static Uses Long(const std::set<Use>& all, const std::string& device,
                   absl::Duration at_least);
  static Uses LastSitting(const Uses& all);
  Uses UsesOn(const AccountId& account, const std::string& device) const;
  void OnPlaces(const AccountId& account, const DevicesById& devices,
                std::vector<Finding>& out);
  void OnOthers(const AccountId& account, const DevicesById& devices,
                std::vector<Finding>& out);
  Finding About(const AccountId& account, const char* rule,
                const Uses& uses) const;
  void TellIfNew(const AccountId& account, Finding finding,
                 std::vector<Finding>& out);

  const SchoolPolicies* policies_;
  DeviceOwners* owners_;
  std::map<AccountId, std::set<Use>> accounts_;
  // Log-ins that devices told of, whatever was done with them.
  std::map<AccountId, std::set<Use>> seen_;
  std::set<AccountId> touched_;   // since Settle
  std::set<AccountId> unplaced_;  // since OnTick
  // What was told, by the finding's key.
  std::map<AccountId, std::map<std::string, std::string>> told_;
  uint64_t refused_ = 0;
};

}  // namespace schoolgate::collector
