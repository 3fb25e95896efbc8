// The devices that a collector knows, and the tokens that let new ones in.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/event.pb.h"

namespace schoolgate::collector {

enum class DeviceState { kActive, kQuarantined, kBanned, kDecommissioned };

// "active", "quarantined", "banned", "decommissioned".
const char* StateWord(DeviceState state);

struct Device {
  std::string id;  // "D-4KQ7X2M9"
  std::string school;
  std::string group;
  std::string hostname;
  std::string inventory_number;
  std::string hardware_id;
  std::string signing_key;  // 32 raw bytes, Ed25519
  std::string contact_nonce;
  DeviceState state = DeviceState::kActive;
  absl::Time enrolled = absl::InfinitePast();
  absl::Time last_contact = absl::InfinitePast();
  v1::Heartbeat heartbeat;  // the latest
  absl::Time heartbeat_time = absl::InfinitePast();
  absl::Time certificate_expires = absl::InfinitePast();
  absl::Duration clock_offset;  // device minus collector, at last contact
};

// What one contact changes of a device; nothing else is touched, so that an
// administrator's decision made at the same moment stays.
struct DeviceContact {
  std::string id;
  std::optional<std::string> contact_nonce;
  std::optional<absl::Time> last_contact;
  std::optional<absl::Duration> clock_offset;
  std::optional<absl::Time> certificate_expires;
  std::optional<v1::Heartbeat> heartbeat;
  absl::Time heartbeat_time = absl::InfinitePast();
};

struct EnrolToken {
  std::string id;           // public part, for listing and withdrawing
  std::string secret_hash;  // only the hash is kept
  std::string school;
  std::string group;
  uint32_t uses_left = 0;
  absl::Time expires;
  bool withdrawn = false;
};

// Thread-safe.
class DeviceStore {
 public:
  virtual ~DeviceStore() = default;

  virtual absl::Status Put(const Device& device) = 0;
  virtual absl::StatusOr<Device> Get(const std::string& id) = 0;
  virtual absl::StatusOr<std::vector<Device>> All(
      const std::string& school) = 0;  // empty: every school

  // All of it in one step; devices that are not known are skipped.
  virtual absl::Status RecordContacts(
      std::span<const DeviceContact> contacts) = 0;

  // NOT_FOUND for an unknown device.
  virtual absl::Status SetState(const std::string& id, DeviceState state) = 0;

  virtual absl::Status PutToken(const EnrolToken& token) = 0;
  virtual absl::StatusOr<EnrolToken> GetToken(const std::string& id) = 0;
  virtual absl::StatusOr<std::vector<EnrolToken>> AllTokens() = 0;

  // Takes one use; FAILED_PRECONDITION when none is left, expired or
  // withdrawn. Atomic.
  virtual absl::Status UseToken(const std::string& id, absl::Time now) = 0;
};

absl::StatusOr<std::unique_ptr<DeviceStore>> OpenSqliteDeviceStore(
    const std::string& file);

}  // namespace schoolgate::collector
