// A collector of one's own, as another process, in a scratch directory: for
// the load generator and for tests that kill it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/simulated_device.h"

namespace schoolgate::collector {

// Not thread-safe. The destructor ends the process and, when it made it,
// removes the directory.
class ChildCollector {
 public:
  // Sets up a school "simulated" under `directory` (empty: a scratch one) and
  // starts `program serve` there. With `database` the stores are in PostgreSQL.
  static absl::StatusOr<std::unique_ptr<ChildCollector>> Start(
      const std::string& program, const std::string& directory,
      const std::string& database = "");
  ~ChildCollector();

  absl::Status StartAgain();
  void Kill();  // SIGKILL, and waits
  void Signal(int number);
  int Terminate();  // SIGTERM, and waits; the exit code, -1 for none

  // User and system time used so far.
  absl::Duration CpuTime() const;
  uint64_t ResidentBytes() const;

  // A home whose token lets `uses` devices in.
  absl::StatusOr<SimulatedHome> Home(uint32_t uses);

  // Host and port for devices; another one after StartAgain.
  const std::string& address() const { return address_; }
  const DataDirectory& directory() const { return directory_; }
  const std::string& metrics_address() const { return metrics_; }

 private:
  ChildCollector() = default;
  int Reap();

  std::string program_;
  DataDirectory directory_;
  bool own_directory_ = false;
  pid_t pid_ = -1;
  std::string address_, metrics_;
};

}  // namespace schoolgate::collector
