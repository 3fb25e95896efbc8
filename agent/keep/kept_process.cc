#include "agent/keep/kept_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

constexpr int kFirstKept = 3;     // SD_LISTEN_FDS_START
constexpr int kOutOfTheWay = 64;  // above all that are passed on
constexpr int kCannotRun = 127;

int OpenPid(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// In the child, between fork and exec: the keeper has one thread.
[[noreturn]] void Become(
    const std::vector<std::string>& command,
    const std::map<std::string, int>& kept,
    const std::map<std::string, std::string>& environment) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // First all out of the way, so that none is overwritten by another.
  std::vector<int> moved;
  std::string names;
  for (const auto& [name, descriptor] : kept) {
    moved.push_back(fcntl(descriptor, F_DUPFD_CLOEXEC, kOutOfTheWay));
    absl::StrAppend(&names, names.empty() ? "" : ":", name);
  }
  for (size_t at = 0; at < moved.size(); ++at) {
    dup2(moved[at], kFirstKept + static_cast<int>(at));
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    unsetenv(name);
  }
  if (!moved.empty()) {
    setenv("LISTEN_PID", absl::StrCat(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", absl::StrCat(moved.size()).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
  }
  for (const auto& [key, value] : environment) {
    setenv(key.c_str(), value.c_str(), 1);
  }
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(kCannotRun);
}

}  // namespace

absl::StatusOr<KeptProcess> KeptProcess::Start(
    const std::vector<std::string>& command,
    const std::map<std::string, int>& kept,
    const std::map<std::string, std::string>& environment) {
  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "agent: cannot be started");
  if (pid == 0) Become(command, kept, environment);
  const int descriptor = OpenPid(pid);
  if (descriptor < 0) {
    const int error = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return absl::ErrnoToStatus(error, "agent: cannot be watched");
  }
  return KeptProcess(pid, descriptor, true);
}

absl::StatusOr<KeptProcess> KeptProcess::Attend(pid_t pid) {
  const int descriptor = OpenPid(pid);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("agent ", pid, ": is not there"));
  }
  return KeptProcess(pid, descriptor, false);
}

KeptProcess::KeptProcess(KeptProcess&& other) noexcept
    : pid_(other.pid_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      child_(other.child_) {}

KeptProcess& KeptProcess::operator=(KeptProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(child_, other.child_);
  return *this;
}

KeptProcess::~KeptProcess() {
  if (descriptor_ >= 0) close(descriptor_);
}

void KeptProcess::Signal(int signal) const {
  syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0);
}

std::optional<int> KeptProcess::Reap() {
  if (!child_) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  return status;
}

}  // namespace schoolgate::agent
