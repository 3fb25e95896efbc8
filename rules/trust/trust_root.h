// The root of trust: which keys there are, whose they are, what each may sign
// and how many it takes. A device holds one and moves to the next only over a
// signature chain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/trust.pb.h"
#include "rules/trust/signature.h"

namespace schoolgate::rules {

using TrustSignatures = google::protobuf::RepeatedPtrField<v1::TrustSignature>;

inline constexpr size_t kMaxRootFileBytes = 512 << 10;
inline constexpr int kMaxRootKeys = 64;
inline constexpr int kMaxSignatures = 64;
inline constexpr int kMaxRootsInChain = 256;
inline constexpr uint64_t kMaxVersionJump = 100000;
inline constexpr size_t kMaxIdBytes = 64;

// The keys whose signatures were good, each once.
struct Signers {
  std::vector<v1::TrustKey> keys;

  bool From(v1::Organisation organisation) const;
  // Provider and school together: what loosening takes.
  bool TwoOrganisations() const;
  // "Ada Example (provider), Bo Example (school)".
  std::string Names() const;
};

// A root whose content has been checked; immutable value. Every device
// refuses a root that is weaker than this:
//   - root and release need at least two keys, which can come from provider
//     and school (root and release each list keys of both);
//   - keys of the locked role belong to an authority;
//   - every threshold can be reached; no key or role stands twice.
class TrustRoot {
 public:
  // `bytes` is a v1::TrustRoot. kMalformed or kWeakRoot.
  static absl::StatusOr<TrustRoot> FromBytes(std::string bytes);

  const v1::TrustRoot& content() const { return content_; }
  const std::string& bytes() const { return bytes_; }
  const std::string& id() const { return content_.id(); }
  uint64_t version() const { return content_.version(); }

  // nullptr when unknown.
  const v1::TrustKey* FindKey(std::string_view key_id) const;
  const v1::RoleGrant* FindGrant(v1::TrustRole role) const;
  bool MaySign(v1::TrustRole role, std::string_view key_id) const;

  // Good signatures of keys with the role, each key once. Fewer than the
  // threshold is a refusal that names the most telling cause: kBadSignature,
  // kSameKeyTwice, kUnknownKey, kWrongRole, else kTooFewSignatures. Surplus
  // signatures that do not count are ignored, so that a bundle signed during a
  // rotation fits both roots.
  absl::StatusOr<Signers> Check(v1::TrustRole role, std::string_view context,
                                std::string_view bytes,
                                const TrustSignatures& signatures) const;

 private:
  v1::TrustRoot content_;
  std::string bytes_;
};

// A root file: text or the bytes inside. kOversized or kMalformed.
absl::StatusOr<v1::RootChain> ParseRootFile(std::string_view text);
std::string RootFileText(const v1::RootChain& chain);

// Takes the first root of the file as given (a person or enrolment vouches
// for the file) and walks to its newest.
absl::StatusOr<TrustRoot> StartFromRootFile(const v1::RootChain& chain);

// Walks from `current` to the newest root of the file. Each step needs the
// old root's threshold, by provider and school, and the new one's own.
// kRollback, kEquivocation, kRootGap, kWrongSchool, or as Check. A file whose
// newest root is `current` is no error.
absl::StatusOr<TrustRoot> WalkRoots(const TrustRoot& current,
                                    const v1::RootChain& chain);

}  // namespace schoolgate::rules
