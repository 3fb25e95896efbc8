#include "rules/trust/succession.h"

#include "absl/strings/str_cat.h"
#include "rules/trust/loosening.h"
#include "rules/trust/refusal.h"

namespace schoolgate::rules {
absl::Status CheckVersion(const VersionFloor& floor, const BundleFile& next,
                          uint64_t version_jump) {
  const uint64_t version = next.manifest().version();
  if (version == 0) {
    return Refuse(Refusal::kMalformed,
                  "bundle: has no version: build it with one");
  }
  if (floor.version == 0) return absl::OkStatus();
  if (version < floor.version) {
    return Refuse(Refusal::kRollback,
                  absl::StrCat("bundle: version ", version,
                               " is older than ours, ", floor.version,
                               ": release the old content as a new version"));
  }
  if (version == floor.version && ManifestHash(next) != floor.manifest_hash) {
    return Refuse(Refusal::kEquivocation,
                  absl::StrCat("bundle: another bundle of version ", version,
                               " is in force: give each release its number"));
  }
  if (version - floor.version > version_jump) {
    return Refuse(Refusal::kVersionJump,
                  absl::StrCat("bundle: version ", version, " leaps from ",
                               floor.version, " by more than ", version_jump));
  }
  return absl::OkStatus();
}

absl::Status CheckFirst(const CheckedBundle& next) {
  if (next.release.TwoOrganisations()) return absl::OkStatus();
  return Refuse(Refusal::kLoosenedByOne,
                absl::StrCat("bundle: a device's first rules need provider "
                             "and school: signed only by ",
                             next.release.Names()));
}

absl::Status CheckConsent(const BundleFile& current,
                          const CheckedBundle& next) {
  const bool by_two = next.release.TwoOrganisations();
  if (by_two && next.locked) return absl::OkStatus();
  const auto found = CompareBundles(current, *next.file,
                                    by_two ? Depth::kLockedOnly : Depth::kAll);
  if (!found.ok()) return found.status();
  if (found->unlocked.count() > 0 && !next.locked) {
    return Refuse(Refusal::kLockedRemoved,
                  absl::StrCat("bundle: takes from the locked list without "
                               "the authority's signature: ",
                               found->unlocked.Summary()));
  }
  if (found->looser.count() > 0 && !by_two) {
    return Refuse(
        Refusal::kLoosenedByOne,
        absl::StrCat("bundle: loosens, which takes provider and "
                     "school; signed only by ",
                     next.release.Names(), ": ", found->looser.Summary()));
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
