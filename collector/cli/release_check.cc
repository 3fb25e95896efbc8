#include "collector/cli/release_check.h"

#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rules/trust/refusal.h"
#include "rules/trust/succession.h"

namespace schoolgate::collector {
namespace {

using Bundle = std::unique_ptr<const rules::BundleFile>;

// The one with the highest version, where it can be read.
Bundle NewestOffered(const BundleShelf& shelf, const std::string& school) {
  std::optional<ShelvedBundle> newest = shelf.Current(school);
  const std::optional<Rollout> rollout = shelf.RolloutOf(school);
  if (rollout && (!newest || rollout->bundle.version > newest->version)) {
    newest = rollout->bundle;
  }
  if (!newest) return nullptr;
  auto file = rules::BundleFile::Open(shelf.PathOf(newest->hash));
  return file.ok() ? *std::move(file) : nullptr;
}

// Where the words themselves do not say it.
const char* WhatToDo(rules::Refusal refusal) {
  switch (refusal) {
    case rules::Refusal::kUnreadable:
      return ": check the path";
    case rules::Refusal::kMalformed:
      return ": give what `schoolgate-rules` has made and signed";
    case rules::Refusal::kTooFewSignatures:
      return ": let the others who must sign it (`schoolgate-rules ... sign`)";
    case rules::Refusal::kUnknownKey:
    case rules::Refusal::kBadSignature:
    case rules::Refusal::kWrongRole:
      return ": sign it with keys that `schoolgate-rules root show` names for "
             "this";
    case rules::Refusal::kWrongSchool:
      return ": publish it on the collector that has its root";
    default:
      return "";
  }
}

absl::Status Refused(const rules::CheckedBundle& next, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat(next.file->path(), ": devices would refuse it: ", why));
}

}  // namespace

absl::Status CheckRelease(const BundleShelf& shelf, const std::string& school,
                          const rules::CheckedBundle& next,
                          const rules::TrustRoot& root, absl::Time now) {
  const Bundle newest = NewestOffered(shelf, school);
  absl::Status status;
  if (newest == nullptr) {
    status = rules::CheckFirst(next);
    return status.ok() ? status : Refused(next, status.message());
  }
  const uint64_t version = next.file->manifest().version();
  const uint64_t before = newest->manifest().version();
  if (version <= before) return status;
  const uint64_t jump = root.content().version_jump();
  if (version - before > jump) {
    return Refused(next, absl::StrCat("version ", version, " leaps from ",
                                      before, " by more than ", jump,
                                      ": build it with a version from ",
                                      before + 1, " to ", before + jump));
  }
  const int64_t expiry = next.file->manifest().expires_unix_s();
  const absl::Time expires = absl::FromUnixSeconds(expiry);
  if (expiry != 0 && expires <= now) {
    return Refused(
        next,
        absl::StrCat("it expired on ",
                     absl::FormatTime("%Y-%m-%d", expires, absl::UTCTimeZone()),
                     ": build it again, and check this machine's clock"));
  }
  // What is damaged here is nothing to compare with.
  if (!rules::CheckContent(*newest).ok()) return status;
  status = rules::CheckConsent(*newest, next);
  return status.ok() ? status : Refused(next, status.message());
}

absl::Status Advised(const absl::Status& refusal, const std::string& file) {
  const auto cause = rules::RefusalOf(refusal);
  const absl::string_view words = refusal.message();
  return absl::Status(
      refusal.code(),
      absl::StrCat(absl::StartsWith(words, file) ? "" : file + ": ", words,
                   cause ? WhatToDo(*cause) : ""));
}

}  // namespace schoolgate::collector
