// The school trust's own certificate authority. The only home of OpenSSL in
// the collector.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;  // empty when the key stayed with the one who asked
  absl::Time expires;
};

// Immutable after loading; thread-safe.
class Authority {
 public:
  static constexpr absl::Duration kDeviceLifetime = absl::Hours(24 * 90);
  static constexpr absl::Duration kServerLifetime = absl::Hours(24 * 397);
  // Certificates are good from so long before they were made: devices' clocks
  // run behind.
  static constexpr absl::Duration kBackdate = absl::Hours(24);

  // Makes DIR/ca.key (mode 0600) and DIR/ca.crt. ALREADY_EXISTS when there is
  // one.
  static absl::StatusOr<std::unique_ptr<Authority>> Create(
      const std::string& directory, const std::string& name, absl::Time now);

  // NOT_FOUND, PERMISSION_DENIED, DATA_LOSS (key and certificate do not
  // belong together), each naming the file. DIR/ca-old.crt, when it is there,
  // is an authority that devices still trust during a change.
  static absl::StatusOr<std::unique_ptr<Authority>> Load(
      const std::string& directory);

  virtual ~Authority() = default;

  // A client certificate for the P-256 key of a request. INVALID_ARGUMENT
  // for a request that is not one, is not signed by its own key, or has a
  // weak key. Nothing else of the request is taken over.
  virtual absl::StatusOr<Certificate> SignClient(
      const std::string& csr_pem, const std::string& common_name,
      absl::Time now, absl::Duration lifetime) const = 0;

  // A new key with a client certificate, for feed readers.
  virtual absl::StatusOr<Certificate> MakeClient(
      const std::string& common_name, absl::Time now,
      absl::Duration lifetime) const = 0;

  // A new key with a server certificate for these DNS names and addresses.
  virtual absl::StatusOr<Certificate> MakeServer(
      const std::vector<std::string>& names, absl::Time now,
      absl::Duration lifetime) const = 0;

  // All that a device must trust, the current one first.
  virtual std::string certificates_pem() const = 0;

  // SHA-256 of the current certificate, lower-case hex.
  virtual std::string fingerprint() const = 0;
};

struct Validity {
  absl::Time from;
  absl::Time to;
};

// Of the first certificate of `pem`. INVALID_ARGUMENT: not one.
absl::StatusOr<Validity> ValidityOf(const std::string& pem);

// Whether a client that calls `name`, a DNS name or an address, accepts the
// first certificate of `pem`.
bool CertificateIsFor(const std::string& pem, const std::string& name);
bool KeyBelongsTo(const std::string& key_pem,
                  const std::string& certificate_pem);
// Whether it was signed by the first certificate of `authority_pem`.
bool IsSignedBy(const std::string& certificate_pem,
                const std::string& authority_pem);

// A P-256 key and a request for it: what a device (or its simulation) sends.
struct CertificateRequest {
  std::string key_pem;
  std::string csr_pem;
};
absl::StatusOr<CertificateRequest> MakeCertificateRequest();

}  // namespace schoolgate::collector
