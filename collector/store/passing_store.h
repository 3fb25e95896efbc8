// What ends by itself within a day: who is logged in at the dashboard, what two
// people have to agree on, log-ins under way. One collector keeps it in memory,
// where a restart ends it; several share it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

// A value.
struct Passing {
  std::string key;
  std::string owner;  // who it counts for: an account, an address; or nobody
  std::string body;
  absl::Duration age;    // since it began
  absl::Duration quiet;  // since it began or was touched
};

// Thread-safe. `kind` is a word of ours; keys are unique within it. `now` is
// this machine's time since boot; a store that is shared asks the clock of its
// server instead. Errors: UNAVAILABLE.
class PassingStore {
 public:
  virtual ~PassingStore() = default;

  // NOT_FOUND when there is none.
  virtual absl::StatusOr<Passing> Get(const std::string& kind,
                                      const std::string& key,
                                      absl::Duration now) = 0;
  // As Get, and it is gone: of all who take it, one gets it.
  virtual absl::StatusOr<Passing> Take(const std::string& kind,
                                       const std::string& key,
                                       absl::Duration now) = 0;
  // Somebody used it now. OK also when it is not there.
  virtual absl::Status Touch(const std::string& kind, const std::string& key,
                             absl::Duration now) = 0;

  // Shows all of a kind, the oldest first; what `change` makes of them is what
  // there is then. Nobody else changes the kind in this way meanwhile. A new
  // one may have an age already.
  virtual absl::Status Change(
      const std::string& kind, absl::Duration now,
      absl::FunctionRef<void(std::vector<Passing>&)> change) = 0;
};

std::unique_ptr<PassingStore> MakeMemoryPassingStore();

}  // namespace schoolgate::collector
