// One run of the agent, as its keeper sees it.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace schoolgate::agent {

// A resource: closes its descriptor, never ends the process by itself.
class KeptProcess {
 public:
  // Starts `command` with `kept` as the descriptors from 3 on (LISTEN_FDS)
  // and `environment` besides our own.
  static absl::StatusOr<KeptProcess> Start(
      const std::vector<std::string>& command,
      const std::map<std::string, int>& kept,
      const std::map<std::string, std::string>& environment);

  // A process that is there already; how it ends cannot be known then.
  static absl::StatusOr<KeptProcess> Attend(pid_t pid);

  KeptProcess(KeptProcess&& other) noexcept;
  KeptProcess& operator=(KeptProcess&& other) noexcept;
  ~KeptProcess();

  pid_t pid() const { return pid_; }

  // For poll(2): readable when the process has ended.
  int descriptor() const { return descriptor_; }

  void Signal(int signal) const;

  // Takes the end of a process that has ended: its wait status, or nothing
  // where that cannot be known.
  std::optional<int> Reap();

 private:
  KeptProcess(pid_t pid, int descriptor, bool child)
      : pid_(pid), descriptor_(descriptor), child_(child) {}

  pid_t pid_ = 0;
  int descriptor_ = -1;
  bool child_ = false;
};

}  // namespace schoolgate::agent
