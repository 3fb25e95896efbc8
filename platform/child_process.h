// A program that runs beside ours and dies with us.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// Owned once: the destructor kills the child and takes its exit status. Not
// thread-safe.
class ChildProcess {
 public:
  // Starts `arguments[0]` with nothing open but standard error and, as 3, 4,
  // ..., the given descriptors, which stay the caller's, and without ambient
  // capabilities. The child is killed when the calling thread ends. NOT_FOUND
  // or PERMISSION_DENIED name the program when it cannot be executed.
  static absl::StatusOr<ChildProcess> Start(
      const std::vector<std::string>& arguments, std::span<const int> passed);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }

  // Never waits. Once it has ended: by which signal, or 0 for an exit.
  std::optional<int> EndedBy();

  // Ends it for certain, stopped or not, and waits for that.
  void Kill();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_ = 0;  // 0: none, or its status is taken
  std::optional<int> ended_by_;
};

// The folder that the running program lies in; empty when the kernel does not
// say.
std::string ProgramFolder();

}  // namespace schoolgate::platform
