// The device's TLS key and the judgement of the collector's certificate. The
// only home of OpenSSL in the agent's uplink.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::agent {

// A fresh P-256 key and a request for a certificate over it.
struct TlsRequest {
  std::string key_pem;
  std::string csr_pem;
};
absl::StatusOr<TlsRequest> MakeTlsRequest();

struct CertificateTimes {
  absl::Time not_before;
  absl::Time not_after;
};
// Of the first certificate in `pem`. INVALID_ARGUMENT when there is none.
absl::StatusOr<CertificateTimes> TimesOf(const std::string& pem);

// Whether the certificate was made for this key.
bool BelongTogether(const std::string& certificate_pem,
                    const std::string& key_pem);

// By which a device knows its collector: the authority itself, or at the
// first contact its SHA-256 (lower-case hex).
struct ServerTrust {
  std::string authority_pem;
  std::string authority_fingerprint;
};

// What the device believes about time. A clock that stands before the floor,
// or far after it, is not believed against a certificate that was good then.
struct TimeBelief {
  absl::Time clock;
  absl::Time floor = absl::InfinitePast();  // a time that has surely passed
};

enum class Trust {
  kGood,
  kGoodButClockWrong,  // good at the floor; the device's clock is wrong
  kExpired,            // the collector's certificate has ended, or not begun
  kStranger,           // not from this authority, or not a collector
};

struct ServerJudgement {
  Trust trust = Trust::kStranger;
  std::string why;            // for the user, when it is not good
  std::string authority_pem;  // the one it was judged by
};

// Judges the chain that a server showed (PEM, its own certificate first).
// Hostile input.
ServerJudgement JudgeServer(const std::string& chain_pem,
                            const ServerTrust& trust, TimeBelief time);

}  // namespace schoolgate::agent
