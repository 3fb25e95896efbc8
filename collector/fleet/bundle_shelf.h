// The rule bundles that devices are offered: for each school, or for all, one
// current bundle, perhaps a newer one on its way in rings, and deltas between
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/fleet/rollout.h"

namespace schoolgate::collector {

// What leads from the bundle file with the hash `from` to that with `to`.
struct ShelvedDelta {
  std::string from, to, hash;
  uint64_t size_bytes = 0;
};

// A directory; any number of processes may read and place. Thread-safe.
// `school` empty means: all schools that have none of their own.
class BundleShelf {
 public:
  static constexpr size_t kMostDeltas = 8;  // the newest of a school

  explicit BundleShelf(std::string directory)
      : directory_(std::move(directory)) {}

  // Copies a bundle in (verified by the caller) and makes it the current one;
  // a release on its way in rings ends there. FAILED_PRECONDITION when its
  // version is not above what devices may have; placing the current one again
  // changes nothing.
  absl::StatusOr<ShelvedBundle> Place(const std::string& file, uint64_t version,
                                      const std::string& school) const;

  // Copies a bundle in without offering it to anybody. As Place otherwise.
  absl::StatusOr<ShelvedBundle> Lay(const std::string& file, uint64_t version,
                                    const std::string& school) const;

  // Makes a bundle that lies here the current one.
  absl::Status MakeCurrent(const ShelvedBundle& bundle,
                           const std::string& school) const;

  absl::Status SaveRollout(const Rollout& rollout,
                           const std::string& school) const;
  std::optional<Rollout> RolloutOf(const std::string& school) const;

  // Moves the file in; the oldest deltas of the school make room.
  absl::StatusOr<ShelvedDelta> PlaceDelta(const std::string& file,
                                          const std::string& from,
                                          const std::string& to,
                                          const std::string& school) const;
  std::vector<ShelvedDelta> Deltas(const std::string& school) const;

  // What a device of `school` should run; nullopt when nothing was placed.
  std::optional<ShelvedBundle> Current(const std::string& school) const;
  // Only what was placed for this school itself.
  std::optional<ShelvedBundle> Label(const std::string& school) const;
  // Schools that have something of their own; "" among them for all.
  std::vector<std::string> Schools() const;

  std::string PathOf(const std::string& hash) const;

  // Up to `limit` bytes from `offset` of the bundle or delta with this hash;
  // empty at its end. NOT_FOUND for a hash that is not here.
  absl::StatusOr<std::string> Read(const std::string& hash, uint64_t offset,
                                   size_t limit) const;

  // The bundle whose policy the collector obeys; empty: none yet.
  std::string PolicyMark(const std::string& school) const;
  absl::Status SavePolicyMark(const std::string& school,
                              const std::string& hash) const;

  // Another text after each change, also of papers: whoever changes them calls
  // NoteChange.
  std::string ChangeMark() const;
  absl::Status NoteChange() const;

 private:
  std::string FileOf(const std::string& school, const char* ending) const;

  const std::string directory_;
};

}  // namespace schoolgate::collector
