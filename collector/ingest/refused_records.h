// Where records that could not be opened are kept, sealed as they came.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/ingest/batch_opener.h"

namespace schoolgate::collector {

// Thread-safe.
class RefusedRecords {
 public:
  // The oldest go when there are more.
  static constexpr int64_t kMost = 10'000;

  static absl::StatusOr<std::unique_ptr<RefusedRecords>> Open(
      const std::string& file);
  virtual ~RefusedRecords() = default;

  virtual absl::Status Keep(std::span<const RefusedRecord> records,
                            absl::Time now) = 0;
  virtual absl::StatusOr<uint64_t> Count() = 0;
};

}  // namespace schoolgate::collector
