#include "rules/trust/acceptance.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "rules/bundle/little_endian.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/disk.h"
#include "rules/trust/order.h"
#include "rules/trust/state_file.h"

namespace schoolgate::rules {
namespace {

constexpr absl::Duration kLateAfter = absl::Hours(24);
constexpr absl::Duration kStaleAfter = absl::Hours(72);
constexpr absl::Duration kOverdueAfter = absl::Hours(14 * 24);
constexpr absl::Duration kClockSlack = absl::Hours(24);
constexpr size_t kMaxStateBytes = 4096;

constexpr std::string_view kRootFile = "root.txt";
constexpr std::string_view kRootCopy = "root.copy.txt";
constexpr std::string_view kStateFiles = "state";
constexpr std::string_view kCurrent = "current.bundle";
constexpr std::string_view kPrevious1 = "previous-1.bundle";
constexpr std::string_view kPrevious2 = "previous-2.bundle";
constexpr std::string_view kCandidate = "candidate.bundle";

absl::Time IssuedAt(const v1::BundleManifest& manifest) {
  return absl::FromUnixSeconds(manifest.issued_unix_s());
}

bool ExpiredAt(const v1::BundleManifest& manifest, absl::Time now) {
  return manifest.expires_unix_s() != 0 &&
         now >= absl::FromUnixSeconds(manifest.expires_unix_s());
}

// Copying failed because of the file that came, or because of our own disk?
absl::Status CopyRefusal(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) {
    return Refuse(Refusal::kOversized, std::string(status.message()));
  }
  return Refuse(Refusal::kUnreadable, std::string(status.message()));
}

}  // namespace

std::string_view FreshnessName(Freshness freshness) {
  switch (freshness) {
    case Freshness::kFresh:
      return "fresh";
    case Freshness::kLate:
      return "late";
    case Freshness::kStale:
      return "stale";
    case Freshness::kOverdue:
      return "overdue";
    case Freshness::kUnknown:
      break;
  }
  return "unknown";
}

Freshness FreshnessOf(absl::Time signed_time, absl::Time now) {
  if (now < signed_time - kClockSlack) return Freshness::kUnknown;
  const absl::Duration age = now - signed_time;
  return age >= kOverdueAfter ? Freshness::kOverdue
         : age >= kStaleAfter ? Freshness::kStale
         : age >= kLateAfter  ? Freshness::kLate
                              : Freshness::kFresh;
}

absl::StatusOr<std::unique_ptr<Acceptance>> Acceptance::Open(
    std::string folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat(folder, ": cannot make the folder of rules"));
  }
  std::unique_ptr<Acceptance> acceptance(new Acceptance(std::move(folder)));
  RemoveFile(acceptance->Path(kCandidate));
  acceptance->LoadState();
  absl::Status status = acceptance->LoadRoot();
  if (!status.ok()) return status;
  return acceptance;
}

std::string Acceptance::Path(std::string_view name) const {
  return absl::StrCat(folder_, "/",
                      absl::string_view(name.data(), name.size()));
}

void Acceptance::LoadState() {
  state_ = ReadState<v1::AcceptedState>(Path(kStateFiles), kMaxStateBytes);
}

// With both copies damaged the device goes on enforcing, and takes the next
// root file as at enrolment only if there is no bundle that it would betray.
absl::Status Acceptance::LoadRoot() {
  for (const std::string_view name : {kRootFile, kRootCopy}) {
    const auto text = platform::ReadWholeFile(Path(name), kMaxRootFileBytes);
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    auto chain = ParseRootFile(*text);
    if (chain.ok()) {
      auto root = StartFromRootFile(*chain);
      if (root.ok() && (!root_ || root_->version() < root->version())) {
        chain_ = *std::move(chain);
        root_ = std::make_unique<TrustRoot>(*std::move(root));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Acceptance::SaveState() {
  return WriteState(Path(kStateFiles), &state_);
}

absl::Status Acceptance::ConsiderRoot(std::string_view root_file) {
  auto chain = ParseRootFile(root_file);
  if (!chain.ok()) return chain.status();
  auto next = root_ ? WalkRoots(*root_, *chain) : StartFromRootFile(*chain);
  if (!next.ok()) return next.status();
  if (root_ && next->version() == root_->version()) return absl::OkStatus();
  if (!root_ && FileExists(Path(kRootFile))) {
    return Refuse(Refusal::kWeakRoot,
                  absl::StrCat(Path(kRootFile),
                               ": is damaged and a device does not take a new "
                               "root on trust: enrol the device again"));
  }
  const std::string text = RootFileText(*chain);
  for (const std::string_view name : {kRootFile, kRootCopy}) {
    absl::Status status = platform::ReplaceFile(Path(name), text, 0600);
    if (!status.ok()) return status;
  }
  chain_ = *std::move(chain);
  root_ = std::make_unique<TrustRoot>(*std::move(next));
  return absl::OkStatus();
}

VersionFloor Acceptance::Floor() const {
  VersionFloor floor;
  if (!root_ || state_.version_epoch() == root_->content().version_epoch()) {
    floor = {state_.bundle_version(), state_.manifest_hash()};
  } else if (state_.version_epoch() < root_->content().version_epoch()) {
    return floor;
  }
  const auto current = OpenCurrent();
  if (current.ok() && current->version > floor.version) {
    floor = {current->version, current->manifest_hash};
  }
  return floor;
}

absl::Status Acceptance::CheckPromise(const BundleFile& next) const {
  const uint64_t version = next.manifest().version();
  if (version < state_.promised_version()) {
    return Refuse(
        Refusal::kFreeze,
        absl::StrCat("bundle: version ", version, " is not the newest, ",
                     state_.promised_version(), ": fetch again"));
  }
  if (version == state_.promised_version() &&
      ManifestHash(next) != state_.promised_manifest()) {
    return Refuse(Refusal::kMixAndMatch,
                  absl::StrCat("bundle: version ", version,
                               " is not the one that the publisher's "
                               "timestamp names: fetch again"));
  }
  return absl::OkStatus();
}

absl::Status Acceptance::Judge(const CheckedBundle& next,
                               absl::Time now) const {
  const VersionFloor floor = Floor();
  absl::Status status =
      CheckVersion(floor, *next.file, root_->content().version_jump());
  if (!status.ok()) return status;
  if (status = CheckPromise(*next.file); !status.ok()) return status;
  const auto current = OpenCurrent();
  if (!current.ok()) return CheckFirst(next);
  const absl::Time signed_time =
      absl::FromUnixSeconds(state_.timestamp_issued_unix_s());
  if (next.file->manifest().version() > floor.version &&
      ExpiredAt(next.file->manifest(), std::max(now, signed_time))) {
    return Refuse(Refusal::kExpired,
                  "bundle: newer than ours but already expired: check the "
                  "clock, or ask for a fresh release");
  }
  const auto file = BundleFile::Open(current->path);
  if (!file.ok() || !CheckContent(**file).ok()) {
    // There is nothing sound to compare with.
    return CheckFirst(next);
  }
  return CheckConsent(**file, next);
}

absl::Status Acceptance::Consider(const std::string& path, absl::Time now) {
  if (!root_) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder_, ": holds no trust root: enrol this device first"));
  }
  // Judging a copy of our own: nobody can change it after it was judged.
  const std::string candidate = Path(kCandidate);
  absl::Status status = CopyFile(path, candidate, kMaxBundleBytes);
  if (!status.ok()) return CopyRefusal(status);
  const auto checked = CheckSigned(candidate, *root_);
  status = checked.status();
  if (status.ok()) status = CheckContent(*checked->file);
  if (status.ok()) status = Judge(*checked, now);
  if (status.ok()) return Install(*checked->file, now);
  RemoveFile(candidate);
  if (RefusalOf(status)) {
    state_.set_refused(state_.refused() + 1);
  }
  return status;
}

absl::Status Acceptance::Install(const BundleFile& next, absl::Time now) {
  const std::string hash = ManifestHash(next);
  const auto current = OpenCurrent();
  absl::Status status;
  // The same bundle again repairs a damaged copy and pushes nothing out.
  if (current.ok() && current->fallback.ok() &&
      current->manifest_hash != hash) {
    if (FileExists(Path(kPrevious1))) {
      status = RenameDurably(Path(kPrevious1), Path(kPrevious2));
      if (!status.ok()) return status;
    }
    status = LinkDurably(Path(kCurrent), Path(kPrevious1));
    if (!status.ok()) return status;
  }
  status = RenameDurably(Path(kCandidate), Path(kCurrent));
  if (!status.ok()) return status;
  state_.set_version_epoch(root_->content().version_epoch());
  state_.set_bundle_version(next.manifest().version());
  state_.set_manifest_hash(hash);
  state_.set_accepted_unix_s(absl::ToUnixSeconds(now));
  return SaveState();
}

absl::Status Acceptance::PutBack(const std::string& manifest_hash) {
  state_.set_put_back_manifest(manifest_hash);
  return SaveState();
}

absl::Status Acceptance::CheckKept(const std::string& path,
                                   CurrentBundle* found) const {
  auto file = BundleFile::Open(path);
  if (!file.ok()) return file.status();
  found->path = path;
  found->version = (*file)->manifest().version();
  found->manifest_hash = ManifestHash(**file);
  if (found->manifest_hash == state_.manifest_hash()) return absl::OkStatus();
  if (!root_) return absl::OkStatus();
  return CheckSigned(path, *root_).status();
}

absl::StatusOr<CurrentBundle> Acceptance::OpenCurrent() const {
  absl::Status first_failure;
  std::optional<CurrentBundle> put_back;
  for (const std::string_view name : {kCurrent, kPrevious1, kPrevious2}) {
    CurrentBundle found;
    absl::Status status = CheckKept(Path(name), &found);
    if (status.ok() && !state_.put_back_manifest().empty() &&
        found.manifest_hash == state_.put_back_manifest()) {
      put_back = found;
      status = absl::FailedPreconditionError(absl::StrCat(
          "bundle: version ", found.version, " was put back by this device"));
    }
    if (status.ok()) {
      found.fallback = first_failure;
      return found;
    }
    if (first_failure.ok()) first_failure = status;
  }
  // With none before it, what was put back is still better than nothing.
  if (put_back) return *put_back;
  return absl::NotFoundError(absl::StrCat(
      folder_, ": holds no usable rule bundle: ", first_failure.message()));
}

absl::Status Acceptance::ConsiderTimestamp(std::string_view order_text,
                                           absl::Time now) {
  if (!root_) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder_, ": holds no trust root: enrol this device first"));
  }
  const auto order = ParseOrder(order_text);
  if (!order.ok()) return order.status();
  if (order->kind() != v1::ORDER_KIND_TIMESTAMP) {
    return Refuse(Refusal::kMalformed, "order: is not a timestamp");
  }
  const auto signers = CheckOrder(*root_, *order);
  if (!signers.ok()) return signers.status();
  v1::TimestampOrder stamp;
  if (!stamp.ParseFromString(order->order())) {
    return Refuse(Refusal::kMalformed, "timestamp: damaged content");
  }
  if (stamp.id() != root_->id()) {
    return Refuse(Refusal::kWrongSchool,
                  absl::StrCat("timestamp: is for ", stamp.id()));
  }
  const std::string hash = Hash256(order->order());
  if (stamp.serial() == state_.timestamp_serial()) {
    if (hash == state_.timestamp_hash()) return absl::OkStatus();
    return Refuse(Refusal::kEquivocation,
                  absl::StrCat("timestamp: two of serial ", stamp.serial()));
  }
  if (stamp.serial() < state_.timestamp_serial() ||
      stamp.issued_unix_s() < state_.timestamp_issued_unix_s()) {
    return Refuse(Refusal::kRollback, "timestamp: older than the last one");
  }
  // A clock that stands before the newest signed time proves nothing.
  const absl::Time issued = absl::FromUnixSeconds(stamp.issued_unix_s());
  if (now >= absl::FromUnixSeconds(state_.timestamp_issued_unix_s()) &&
      StalenessAt(now).freshness != Freshness::kUnknown &&
      issued > now + kClockSlack) {
    return Refuse(Refusal::kNotYetIssued, "timestamp: issued in the future");
  }
  if (stamp.bundle_version() < state_.promised_version()) {
    return Refuse(Refusal::kRollback,
                  "timestamp: names an older bundle than the last one");
  }
  state_.set_timestamp_serial(stamp.serial());
  state_.set_timestamp_hash(hash);
  state_.set_timestamp_issued_unix_s(stamp.issued_unix_s());
  state_.set_promised_version(stamp.bundle_version());
  state_.set_promised_manifest(stamp.manifest_hash());
  return SaveState();
}

absl::Time Acceptance::SignedTime() const {
  absl::Time newest = absl::FromUnixSeconds(state_.timestamp_issued_unix_s());
  const auto current = OpenCurrent();
  if (!current.ok()) return newest;
  const auto file = BundleFile::Open(current->path);
  return file.ok() ? std::max(newest, IssuedAt((*file)->manifest())) : newest;
}

Staleness Acceptance::StalenessAt(absl::Time now) const {
  Staleness staleness;
  const auto current = OpenCurrent();
  if (!current.ok()) return staleness;
  const auto file = BundleFile::Open(current->path);
  if (!file.ok()) return staleness;
  const v1::BundleManifest& manifest = (*file)->manifest();
  const absl::Time newest =
      std::max(IssuedAt(manifest),
               absl::FromUnixSeconds(state_.timestamp_issued_unix_s()));
  staleness.expired = ExpiredAt(manifest, std::max(now, newest));
  staleness.behind = manifest.version() < state_.promised_version();
  staleness.freshness = FreshnessOf(newest, now);
  if (staleness.freshness == Freshness::kUnknown) return staleness;
  staleness.age = std::max(absl::ZeroDuration(), now - newest);
  return staleness;
}

}  // namespace schoolgate::rules
