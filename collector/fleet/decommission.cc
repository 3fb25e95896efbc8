// Devices that are taken out of use.
#include "absl/strings/str_cat.h"
#include "collector/fleet/enrolment.h"
#include "collector/fleet/refusal.h"
#include "proto/seal/enrolment.h"

namespace schoolgate::collector {
namespace {

absl::Status NotPermitted() {
  return Refuse(absl::StatusCode::kPermissionDenied, "not_permitted",
                "removal token: not made for this device here, or its time is "
                "over: make one with `schoolgate-collector removal-token`");
}

}  // namespace

absl::StatusOr<v1::DecommissionReceipt> Enrolment::Decommission(
    const v1::DecommissionRequest& request, absl::Time now) {
  const absl::StatusOr<Device> device = devices_.Get(request.device());
  if (absl::IsNotFound(device.status())) {
    return Refuse(absl::StatusCode::kNotFound, "unknown_device",
                  "decommission: this collector does not know the device");
  }
  if (!device.ok()) return device.status();
  if (!seal::VerifyDecommission(request, device->signing_key)) {
    return Refuse(absl::StatusCode::kPermissionDenied, "bad_signature",
                  "decommission: not signed by this device's key");
  }
  if (!removal_key_ ||
      !seal::VerifyRemovalToken(request.token(), removal_key_->public_key(),
                                device->id, absl::ToUnixSeconds(now))) {
    return NotPermitted();
  }
  if (request.final() && device->state != DeviceState::kDecommissioned) {
    absl::Status status =
        devices_.SetState(device->id, DeviceState::kDecommissioned);
    if (status.ok()) {
      status = audit_.Append({.time = now,
                              .who = "system",
                              .action = "decommission_device",
                              .about = device->id,
                              .detail = "by the device, with a removal token",
                              .hash = ""});
    }
    if (!status.ok()) return status;
  }
  v1::DecommissionReceipt receipt;
  receipt.set_device(device->id);
  receipt.set_school(device->school);
  receipt.set_final(request.final());
  receipt.set_server_time_unix_us(absl::ToUnixMicros(now));
  seal::SignReceipt(*removal_key_, &receipt);
  return receipt;
}

}  // namespace schoolgate::collector
