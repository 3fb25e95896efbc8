#include "platform/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace schoolgate::platform {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kMostPassed = 16;

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void Execute(char* const* arguments, std::span<const int> passed,
                          int report, pid_t parent) {
  int aside[kMostPassed];
  const int count = static_cast<int>(passed.size());
  // Out of the way first: a descriptor may sit where another has to go.
  const int above = kFirstPassed + kMostPassed + 1;
  const int told = fcntl(report, F_DUPFD_CLOEXEC, above);
  bool ok = told >= 0;
  for (int i = 0; i < count; ++i) {
    aside[i] = fcntl(passed[i], F_DUPFD_CLOEXEC, above);
    ok = ok && aside[i] >= 0;
  }
  for (int i = 0; ok && i < count; ++i) {
    ok = dup2(aside[i], kFirstPassed + i) >= 0;
  }
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0) {
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
  }
  close_range(kFirstPassed + count, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (ok && getppid() == parent) execv(arguments[0], arguments);
  const int why = errno;
  (void)!write(told, &why, sizeof why);
  _exit(127);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(
    const std::vector<std::string>& arguments, std::span<const int> passed) {
  int report[2];
  if (passed.size() > kMostPassed || pipe2(report, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(arguments[0], ": no pipe"));
  }
  std::vector<char*> words;
  for (const std::string& one : arguments) {
    words.push_back(const_cast<char*>(one.c_str()));
  }
  words.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Execute(words.data(), passed, report[1], parent);
  const int fork_errno = errno;
  close(report[1]);
  int why = 0;
  const bool failed = pid > 0 && read(report[0], &why, sizeof why) > 0;
  close(report[0]);
  if (pid < 0) {
    return absl::ErrnoToStatus(fork_errno,
                               absl::StrCat(arguments[0], ": cannot fork"));
  }
  if (failed) {
    waitpid(pid, nullptr, 0);
    return absl::ErrnoToStatus(
        why, absl::StrCat(arguments[0], ": cannot be started"));
  }
  return ChildProcess(pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ended_by_(other.ended_by_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, 0);
    ended_by_ = other.ended_by_;
  }
  return *this;
}

ChildProcess::~ChildProcess() { Kill(); }

std::optional<int> ChildProcess::EndedBy() {
  int status = 0;
  if (pid_ != 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = 0;
    ended_by_ = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  return ended_by_;
}

void ChildProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  ended_by_ = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::string ProgramFolder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : program.parent_path().string();
}

}  // namespace schoolgate::platform
