// What both sides must agree on to enrol and renew a device.
#pragma once

#include <string_view>

#include "proto/seal/keys.h"
#include "proto/uplink.pb.h"

namespace schoolgate::seal {

// The DNS name in every collector's server certificate, whatever its host is
// called: a device checks the authority and this name, so that a device's own
// certificate from the same authority cannot pose as a collector.
inline constexpr std::string_view kCollectorServerName = "schoolgate-collector";

// Fills signing_key and signature; all other fields must be set before.
void SignEnrol(const SigningKey& device_key, v1::EnrolRequest* request);
// Whether the request was signed by the key that it names.
bool VerifyEnrol(const v1::EnrolRequest& request);

// Fills signature; all other fields must be set before.
void SignRenew(const SigningKey& device_key, v1::RenewRequest* request);
bool VerifyRenew(const v1::RenewRequest& request,
                 std::string_view device_public_key);

}  // namespace schoolgate::seal
