// A BundleDelta as a file: header, then the message under zstd.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"

namespace schoolgate::rules {

// Returns the file's size. A file at `path` is replaced only by a whole one.
absl::StatusOr<uint64_t> WriteDeltaFile(const std::string& path,
                                        const v1::BundleDelta& delta);

// DATA_LOSS: cut off or damaged. RESOURCE_EXHAUSTED: unpacks to more than any
// delta holds. INVALID_ARGUMENT: is no delta.
absl::StatusOr<v1::BundleDelta> ReadDeltaFile(const std::string& path);

// The same over bytes in memory. `name` stands in errors.
absl::StatusOr<v1::BundleDelta> ParseDelta(std::string_view bytes,
                                           const std::string& name);

}  // namespace schoolgate::rules
