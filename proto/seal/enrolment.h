// What both sides must agree on to enrol and renew a device.
#pragma once

#include <cstdint>
#include <string>
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

// Fills signature; all other fields must be set before.
void SignDecommission(const SigningKey& device_key,
                      v1::DecommissionRequest* request);
bool VerifyDecommission(const v1::DecommissionRequest& request,
                        std::string_view device_public_key);

// Likewise, by the collector.
void SignReceipt(const SigningKey& collector_key,
                 v1::DecommissionReceipt* receipt);
bool VerifyReceipt(const v1::DecommissionReceipt& receipt,
                   std::string_view collector_public_key);

// A removal token: "SGR1.DEVICE.SECONDS.HEX", good for one device until then.
std::string MakeRemovalToken(const SigningKey& collector_key,
                             std::string_view device, int64_t expires_unix);
// Whether the collector with this key made it for this device, and its time is
// not over.
bool VerifyRemovalToken(std::string_view token,
                        std::string_view collector_public_key,
                        std::string_view device, int64_t now_unix);

}  // namespace schoolgate::seal
