// What of several collectors one does at a time: a school's detection, the
// feeds. Another takes over within seconds when that one is gone.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/postgres/postgres.h"

namespace schoolgate::collector {

// PostgreSQL's advisory locks, held by one connection of their own: the server
// lets go of all of them when that connection ends, however it ends. Not
// thread-safe.
class AdvisoryLocks {
 public:
  // `kind` keeps names of one kind ("school") apart from those of others.
  AdvisoryLocks(std::string conninfo, std::string kind)
      : conninfo_(std::move(conninfo)), kind_(std::move(kind)) {}

  // Takes those of `names` that nobody holds, and returns all that are held
  // here now. Empty when the server cannot be reached: then another collector
  // may hold them already. To be called every few seconds.
  std::set<std::string> Turn(const std::vector<std::string>& names);

 private:
  bool StillConnected();

  const std::string conninfo_;
  const std::string kind_;
  std::unique_ptr<Connection> connection_;
  std::set<std::string> held_;
};

}  // namespace schoolgate::collector
