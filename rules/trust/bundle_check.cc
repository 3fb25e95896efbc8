#include "rules/trust/bundle_check.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "platform/check.h"
#include "rules/bundle/little_endian.h"
#include "rules/trust/loosening.h"
#include "rules/trust/refusal.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kHeadBytes = 32;
constexpr size_t kLengthAt = 24;

// Tells a file cut short or padded from one that never was a bundle.
absl::Status CheckLength(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0) {
    return Refuse(Refusal::kUnreadable,
                  absl::StrCat(path, ": cannot open: ", std::strerror(errno)));
  }
  if (!S_ISREG(facts.st_mode)) {
    return Refuse(Refusal::kUnreadable,
                  absl::StrCat(path, ": not a plain file: give a bundle"));
  }
  const auto size = static_cast<uint64_t>(facts.st_size);
  if (size > kMaxBundleBytes) {
    return Refuse(Refusal::kOversized,
                  absl::StrCat(path, ": is longer than the ", kMaxBundleBytes,
                               " bytes that a device takes"));
  }
  uint8_t head[kHeadBytes] = {};
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(head), sizeof(head));
  if (in.bad() || !in.is_open()) {
    return Refuse(Refusal::kUnreadable, absl::StrCat(path, ": cannot read"));
  }
  if (std::memcmp(head, "SGBUNDLE", std::min<size_t>(in.gcount(), 8)) != 0) {
    return Refuse(Refusal::kMalformed,
                  absl::StrCat(path, ": is not a rule bundle"));
  }
  if (static_cast<size_t>(in.gcount()) < kHeadBytes) {
    return Refuse(Refusal::kTruncated, absl::StrCat(path, ": is cut short"));
  }
  const auto length = LoadLittle<uint64_t>(head + kLengthAt);
  if (size < length) {
    return Refuse(Refusal::kTruncated,
                  absl::StrCat(path, ": is cut short: ", size, " of ", length,
                               " bytes: fetch it again"));
  }
  if (size > length) {
    return Refuse(Refusal::kOversized,
                  absl::StrCat(path, ": has ", size - length,
                               " bytes after its end: fetch it again"));
  }
  return absl::OkStatus();
}

// The signatures that claim a role. The claim itself is not signed, but each
// role signs under a context of its own.
TrustSignatures Claiming(const v1::BundleSignatures& block,
                         v1::TrustRole role) {
  TrustSignatures chosen;
  for (const v1::BundleSignature& signature : block.signatures()) {
    if (signature.role() != RoleName(role)) continue;
    v1::TrustSignature* one = chosen.Add();
    one->set_key_id(signature.key_id());
    one->set_signature(signature.signature());
  }
  return chosen;
}

std::string_view ContextOf(v1::TrustRole role) {
  return role == v1::TRUST_ROLE_LOCKED ? kLockedContext : kBundleContext;
}

absl::Status Named(const std::string& path, const absl::Status& status) {
  return Refuse(RefusalOf(status).value_or(Refusal::kMalformed),
                absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<CheckedBundle> CheckSigned(const std::string& path,
                                          const TrustRoot& root) {
  if (absl::Status status = CheckLength(path); !status.ok()) return status;
  auto file = BundleFile::Open(path);
  if (!file.ok()) {
    return Refuse(Refusal::kMalformed, std::string(file.status().message()));
  }
  CheckedBundle checked;
  checked.file = *std::move(file);
  const std::string_view manifest = AsText(checked.file->manifest_bytes());
  const auto& block = checked.file->signatures();
  auto release =
      root.Check(v1::TRUST_ROLE_RELEASE, ContextOf(v1::TRUST_ROLE_RELEASE),
                 manifest, Claiming(block, v1::TRUST_ROLE_RELEASE));
  if (!release.ok()) return Named(path, release.status());
  checked.release = *std::move(release);
  const auto by_locked = Claiming(block, v1::TRUST_ROLE_LOCKED);
  if (!by_locked.empty()) {
    auto locked =
        root.Check(v1::TRUST_ROLE_LOCKED, ContextOf(v1::TRUST_ROLE_LOCKED),
                   manifest, by_locked);
    if (!locked.ok()) return Named(path, locked.status());
    checked.locked = *std::move(locked);
  }
  if (checked.file->manifest().id() != root.id()) {
    return Refuse(Refusal::kWrongSchool,
                  absl::StrCat(path, ": is for ", checked.file->manifest().id(),
                               ", not for ", root.id()));
  }
  return checked;
}

absl::Status CheckContent(const BundleFile& file) {
  if (absl::Status status = file.VerifySections(); !status.ok()) {
    return Refuse(Refusal::kSectionHash, std::string(status.message()));
  }
  return CheckReadable(file);
}

void AddSignature(const SigningKey& key, v1::TrustRole role,
                  std::string_view manifest_bytes,
                  v1::BundleSignatures* signatures) {
  SG_CHECK(role == v1::TRUST_ROLE_RELEASE || role == v1::TRUST_ROLE_LOCKED);
  const v1::TrustSignature made = key.Sign(ContextOf(role), manifest_bytes);
  v1::BundleSignature one;
  one.set_key_id(made.key_id());
  one.set_role(std::string(RoleName(role)));
  one.set_signature(made.signature());
  PutSignature(one, signatures);
}

void PutSignature(const v1::BundleSignature& signature,
                  v1::BundleSignatures* signatures) {
  for (v1::BundleSignature& one : *signatures->mutable_signatures()) {
    if (one.key_id() == signature.key_id() && one.role() == signature.role()) {
      one = signature;
      return;
    }
  }
  *signatures->add_signatures() = signature;
}

std::string ManifestHash(const BundleFile& file) {
  return Hash256(AsText(file.manifest_bytes()));
}

}  // namespace schoolgate::rules
