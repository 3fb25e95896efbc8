// Who this device is, as it lies in STATE/identity. The gate reads
// enrolment.json and signing.key; everything else is the uplink's.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/seal/keys.h"
#include "proto/uplink.pb.h"

namespace schoolgate::agent {

struct TlsIdentity {
  std::string certificate_pem;
  std::string key_pem;
  std::string authority_pem = {};  // a candidate's: trusted once it is in use
};

struct Enrolled {
  std::string device;
  std::string school;
  std::string collector;  // "host:port"
  std::string authority_pem;
};

// Every write is whole or not at all. Not thread-safe.
class IdentityFolder {
 public:
  // Makes the folder (mode 0750) where it is missing.
  static absl::StatusOr<IdentityFolder> Open(const std::string& path);

  // The device's own key; whoever comes first makes it.
  absl::StatusOr<seal::SigningKey> SigningKey() const;

  // NOT_FOUND: not enrolled. DATA_LOSS: enrolled, and the file is broken.
  absl::StatusOr<Enrolled> LoadEnrolled() const;

  // enrolment.json is written last: with it the device is enrolled.
  absl::Status SaveEnrolment(const v1::EnrolResponse& response,
                             const std::string& key_pem,
                             const std::string& collector) const;

  absl::StatusOr<TlsIdentity> LoadTls() const;

  // A renewed pair that has yet to prove itself in a real handshake.
  absl::Status SaveCandidate(const v1::EnrolResponse& response,
                             const std::string& key_pem) const;
  std::optional<TlsIdentity> LoadCandidate() const;
  // It has: it replaces the pair in use. Safe to repeat after a crash.
  absl::Status PromoteCandidate() const;
  void DropCandidate() const;

  // What the collector gave at the last contact, to be shown at the next; one
  // that is empty or far too long is left alone.
  std::string contact_nonce() const;
  absl::Status SaveContactNonce(const std::string& nonce) const;

  // Whose log-ins belong on this device, for the gate; written where it is
  // another answer than before.
  absl::Status SaveAssigned(
      const google::protobuf::RepeatedPtrField<std::string>& aliases) const;

  // A time that has surely passed: the latest word of an authenticated
  // collector. InfinitePast before there was one.
  absl::Time time_floor() const;
  absl::Status SaveTimeFloor(absl::Time time) const;

 private:
  explicit IdentityFolder(std::string path) : path_(std::move(path)) {}
  std::string File(const char* name) const { return path_ + "/" + name; }

  std::string path_;
};

// Says why an answer cannot be used, if it cannot: every key must have its
// length, the certificate must fit the key.
absl::Status CheckEnrolment(const v1::EnrolResponse& response,
                            const std::string& key_pem);

}  // namespace schoolgate::agent
