// The uplink's calls that are no stream: enrol, renew, fetch a bundle. Each
// waits for its answer; run them where waiting is no harm.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/uplink/channel.h"
#include "agent/uplink/config.h"
#include "agent/uplink/identity_folder.h"
#include "platform/clock.h"
#include "proto/uplink.pb.h"

namespace schoolgate::agent {

// Spends the token and saves what it buys. On failure `failure` says whether
// asking again makes sense. The same device that asks twice gets the same
// answer, so a lost answer costs nothing.
absl::Status EnrolDevice(const EnrolmentFile& file,
                         const IdentityFolder& identity,
                         const platform::Clock& clock, Failure* failure);

// Buys a new certificate with the device's signing key alone and keeps it as
// a candidate. `now` is what the device believes the time to be. When the
// collector finds that wrong, *server_time is its own.
absl::Status RenewCertificate(const IdentityFolder& identity,
                              const platform::Clock& clock, absl::Time now,
                              grpc::ClientContext& context, Failure* failure,
                              absl::Time* server_time);

// Brings the file with this hash from the collector into `folder` as `name`,
// going on where an earlier try ended. The name appears only when the hash is
// right.
absl::Status FetchFile(grpc::Channel& channel, const std::string& hash,
                       uint64_t size_bytes, const std::string& folder,
                       const std::string& name, grpc::ClientContext& context);

// BLAKE2b-256 of a file, empty when it cannot be read.
std::string HashOfFile(const std::string& path);

}  // namespace schoolgate::agent
