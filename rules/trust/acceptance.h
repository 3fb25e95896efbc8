// What a device accepts as its rules, and what it keeps of them.
//
// The state folder belongs to the agent alone:
//   root.txt root.copy.txt          every root accepted, oldest first
//   state.a state.b                 AcceptedState, written one after the other
//   current.bundle                  enforced
//   previous-1.bundle previous-2.bundle
//   candidate.bundle                being judged; left over by a crash at most
// Files are synced and renamed: after a power cut each is old or new.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/trust.pb.h"
#include "rules/trust/refusal.h"
#include "rules/trust/succession.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {

// The bundle to enforce.
struct CurrentBundle {
  std::string path;  // give it to Ruleset::Open
  uint64_t version = 0;
  std::string manifest_hash;
  // OK, or why current.bundle could not be used and an older one stands in.
  absl::Status fallback;
};

// Expiry and silence are alarms, never a reason to enforce less.
enum class Freshness {
  kFresh,
  kLate,     // 24 h without a sign from the publisher
  kStale,    // 72 h
  kOverdue,  // 14 days
  kUnknown,  // no bundle, or the clock stands before it was issued
};

struct Staleness {
  Freshness freshness = Freshness::kUnknown;
  absl::Duration age;    // since the newest signed time we hold
  bool expired = false;  // the bundle's own date has passed
  bool behind = false;   // a signed timestamp names a newer bundle
};

// "fresh", "late", "stale", "overdue", "unknown".
std::string_view FreshnessName(Freshness freshness);

// How fresh rules are whose newest signed time is this.
Freshness FreshnessOf(absl::Time signed_time, absl::Time now);

// Not thread-safe; one per state folder.
class Acceptance {
 public:
  // Makes the folder if it is missing. Damaged state is no failure: the other
  // copy is used, and with both gone the current bundle still sets the floor.
  static absl::StatusOr<std::unique_ptr<Acceptance>> Open(std::string folder);

  Acceptance(const Acceptance&) = delete;
  Acceptance& operator=(const Acceptance&) = delete;

  // A root file as text. The first one is believed (it comes with enrolment);
  // later ones must continue the chain. Refusals as WalkRoots.
  absl::Status ConsiderRoot(std::string_view root_file);

  // Judges a copy of the file. OK: it is now the current bundle, or was
  // already. A refusal (RefusalOf) leaves everything as it was. Other codes
  // are failures of this device's disk. FAILED_PRECONDITION without a root.
  absl::Status Consider(const std::string& path, absl::Time now);

  // The accepted bundle with this manifest does harm here: from now on the
  // one before it is current. A newer bundle is judged as ever, and the one
  // put back is not accepted as an older one: versions only grow.
  absl::Status PutBack(const std::string& manifest_hash);

  // A signed timestamp, as text.
  absl::Status ConsiderTimestamp(std::string_view order, absl::Time now);

  // Checks the head's signatures, or that its manifest is the one accepted;
  // falls back to the previous bundles. Never looks at a clock, reads no
  // section. NOT_FOUND when there is no usable bundle.
  absl::StatusOr<CurrentBundle> OpenCurrent() const;

  Staleness StalenessAt(absl::Time now) const;

  // The newest time that somebody signed: it is certainly later than this,
  // whatever the clock says.
  absl::Time SignedTime() const;

  // nullptr before the first.
  const TrustRoot* root() const { return root_.get(); }
  const v1::AcceptedState& state() const { return state_; }
  const std::string& folder() const { return folder_; }

 private:
  explicit Acceptance(std::string folder) : folder_(std::move(folder)) {}

  std::string Path(std::string_view name) const;
  void LoadState();
  absl::Status LoadRoot();
  absl::Status SaveState();
  absl::Status CheckPromise(const BundleFile& next) const;
  absl::Status Judge(const CheckedBundle& next, absl::Time now) const;
  absl::Status Install(const BundleFile& next, absl::Time now);
  absl::Status CheckKept(const std::string& path, CurrentBundle* found) const;
  VersionFloor Floor() const;

  std::string folder_;
  v1::RootChain chain_;
  std::unique_ptr<TrustRoot> root_;
  v1::AcceptedState state_;
};

}  // namespace schoolgate::rules
