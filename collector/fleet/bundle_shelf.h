// The rule bundles that devices are offered: one current bundle for each
// school, or for all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct ShelvedBundle {
  uint64_t version = 0;
  std::string hash;  // BLAKE2b-256 of the file, raw
  uint64_t size_bytes = 0;
  std::string path;
};

// A directory; any number of processes may read and place. Thread-safe.
class BundleShelf {
 public:
  explicit BundleShelf(std::string directory)
      : directory_(std::move(directory)) {}

  // Copies a bundle in (verified by the caller) and makes it the current one
  // of `school` (empty: of all schools that have none of their own).
  // FAILED_PRECONDITION when its version is not above the current one's;
  // placing the current one again changes nothing.
  absl::StatusOr<ShelvedBundle> Place(const std::string& file, uint64_t version,
                                      const std::string& school);

  // What a device of `school` should run; nullopt when nothing was placed.
  std::optional<ShelvedBundle> Current(const std::string& school) const;

  // Up to `limit` bytes from `offset` of the bundle with this hash; empty at
  // its end. NOT_FOUND for a hash that is not here.
  absl::StatusOr<std::string> Read(const std::string& hash, uint64_t offset,
                                   size_t limit) const;

 private:
  std::optional<ShelvedBundle> Label(const std::string& name) const;

  const std::string directory_;
};

}  // namespace schoolgate::collector
