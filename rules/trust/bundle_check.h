// Whether a bundle is whole and signed by who must sign it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "rules/bundle/bundle_file.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {

// A device takes no longer file: room for 20 M domains.
inline constexpr uint64_t kMaxBundleBytes = 256ull << 20;

struct CheckedBundle {
  std::unique_ptr<const BundleFile> file;
  Signers release;                // at least the threshold of the release role
  std::optional<Signers> locked;  // when the locked role signed as well
};

// Reads the file's head and checks its signatures against the root. The
// causes: kUnreadable, kTruncated, kOversized, kMalformed, kWrongSchool, or
// as TrustRoot::Check. Sections are not read.
absl::StatusOr<CheckedBundle> CheckSigned(const std::string& path,
                                          const TrustRoot& root);

// Checks every section against the manifest (reads the whole file), and that
// policy and index can be read. kSectionHash or kBadContent.
absl::Status CheckContent(const BundleFile& file);

// Adds the key's signature for the role (release or locked). A signature by
// the same key for the same role is replaced.
void AddSignature(const SigningKey& key, v1::TrustRole role,
                  std::string_view manifest_bytes,
                  v1::BundleSignatures* signatures);

// Adds a signature made elsewhere, in the place of one by the same key for
// the same role.
void PutSignature(const v1::BundleSignature& signature,
                  v1::BundleSignatures* signatures);

// What identifies a bundle: BLAKE2b-256 of its manifest.
std::string ManifestHash(const BundleFile& file);

}  // namespace schoolgate::rules
