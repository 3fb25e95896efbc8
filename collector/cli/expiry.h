// Erasing what has been kept long enough: by the schools' policies, else as
// the collector is set.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/open_stores.h"
#include "collector/policy/retention.h"
#include "collector/policy/school_policies.h"

namespace schoolgate::collector {

// For a call: borrows all.
class Expiry {
 public:
  Expiry(const DataDirectory& directory, const CollectorConfig& config,
         const SchoolPolicies& policies, OwnStores& stores)
      : directory_(directory),
        config_(config),
        policies_(policies),
        stores_(stores) {}

  // Once an hour. Nothing is erased while the clock cannot be right, and no
  // event that a legal hold needs before it is copied. What was erased is in
  // the audit log, by number.
  void Run(absl::Time now);

 private:
  Retention KeepOf(const std::string& school) const;
  EventKeep EventsKept() const;
  void Events(absl::Time now);
  void Report(const std::string& what, const absl::StatusOr<uint64_t>& erased,
              absl::Time now);

  const DataDirectory& directory_;
  const CollectorConfig& config_;
  const SchoolPolicies& policies_;
  OwnStores& stores_;
};

}  // namespace schoolgate::collector
