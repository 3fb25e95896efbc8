// Who becomes a device of this collector, and who stays one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/fleet/authority.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "proto/seal/keys.h"
#include "proto/uplink.pb.h"

namespace schoolgate::collector {

// What a school's devices need; none of it opens anything here.
struct SchoolKeys {
  std::string pseudonym_key;     // 32 raw bytes
  std::string safeguarding_key;  // X25519 public
  std::string police_key;        // X25519 public
};

// What every device is handed beside its certificate.
struct EnrolmentGift {
  std::map<std::string, SchoolKeys> schools;
  std::string sealing_key;  // X25519 public
  std::string rules_root;   // may be empty
};

// Thread-safe. Borrows all for life. Refusals carry a word (refusal.h).
class Enrolment {
 public:
  // A device whose certificate ended longer ago must enrol anew.
  static constexpr absl::Duration kRenewableAfterExpiry = absl::Hours(24 * 400);
  static constexpr absl::Duration kClockTolerance = absl::Hours(24);

  Enrolment(const Authority& authority, DeviceStore& devices, AuditLog& audit,
            EnrolmentGift gift,
            std::optional<seal::SigningKey> removal_key = std::nullopt)
      : authority_(authority),
        devices_(devices),
        audit_(audit),
        gift_(std::make_shared<const EnrolmentGift>(std::move(gift))),
        removal_key_(std::move(removal_key)) {}

  // From now on: a school more, another root of the rules.
  void SetGift(EnrolmentGift gift);

  // Spends one use of the token. The same device key asking again, because
  // the answer was lost, gets the same device and spends nothing.
  absl::StatusOr<v1::EnrolResponse> Enrol(const v1::EnrolRequest& request,
                                          absl::Time now);

  // By the device's known key alone, also when its certificate has ended.
  absl::StatusOr<v1::EnrolResponse> Renew(const v1::RenewRequest& request,
                                          absl::Time now);

  // With a token that was made for this device. Final: it is out of use from
  // then on; asking again gives the same receipt.
  absl::StatusOr<v1::DecommissionReceipt> Decommission(
      const v1::DecommissionRequest& request, absl::Time now);

 private:
  absl::StatusOr<EnrolToken> CheckToken(const std::string& text);
  absl::StatusOr<Device> Admit(const v1::EnrolRequest& request,
                               const EnrolToken& token, absl::Time now);
  absl::StatusOr<v1::EnrolResponse> Answer(const Device& device,
                                           const Certificate& certificate,
                                           absl::Time now) const;

  std::shared_ptr<const EnrolmentGift> Gift() const;

  const Authority& authority_;
  DeviceStore& devices_;
  AuditLog& audit_;
  mutable std::mutex gift_mutex_;
  std::shared_ptr<const EnrolmentGift> gift_;
  const std::optional<seal::SigningKey> removal_key_;
};

// OK for an active device, else the refusal to send it.
absl::Status CheckState(const Device& device);

// "D-" and eight characters that follow from the device's signing key.
std::string DeviceIdOf(std::string_view signing_key);

}  // namespace schoolgate::collector
