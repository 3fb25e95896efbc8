// A hole in nDPI would be a hole in the device.
#include "agent/dpi/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <new>

namespace schoolgate::agent {
namespace {

constexpr int kAllowed = 42;

// How a process in the sandbox ends that does `what`: an exit code, or minus a
// signal.
int EndOf(const std::function<void(int door)>& what,
          size_t most_memory = kMostMemoryBytes) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1000;
  const pid_t pid = fork();
  if (pid == 0) {
    if (!DropRights().ok()) _exit(1);
    if (!CloseSandbox(ends[1], most_memory).ok()) _exit(2);
    what(ends[1]);
    syscall(SYS_exit_group, kAllowed);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  close(ends[0]);
  close(ends[1]);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// Address space of the test program is larger than the worker's.
constexpr size_t kRoomForTest = size_t{4} << 30;

int EndOfCall(const std::function<void(int door)>& what) {
  return EndOf(what, kRoomForTest);
}

TEST(SandboxTest, LetsTheWorkerDoItsWork) {
  EXPECT_EQ(EndOfCall([](int door) {
              if (write(door, "x", 1) != 1) _exit(3);
              pollfd wait{door, POLLIN, 0};
              if (poll(&wait, 1, 0) != 0) _exit(4);  // else it never sleeps
              volatile char* some = static_cast<char*>(malloc(8 << 20));
              some[0] = 1;
              free(const_cast<char*>(some));
            }),
            kAllowed);
}

TEST(SandboxTest, KillsWhoWantsAFileOrANetwork) {
  EXPECT_EQ(EndOfCall([](int) { open("/etc/passwd", O_RDONLY); }), -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { syscall(SYS_open, "/tmp/x", O_CREAT, 0600); }),
            -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { socket(AF_INET, SOCK_DGRAM, 0); }), -SIGSYS);
  EXPECT_EQ(EndOfCall([](int door) {
              sockaddr_in to{};
              to.sin_family = AF_INET;
              connect(door, reinterpret_cast<sockaddr*>(&to), sizeof to);
            }),
            -SIGSYS);
  EXPECT_EQ(EndOfCall([](int door) { send(door, "x", 1, 0); }), -SIGSYS);
}

TEST(SandboxTest, KillsWhoWantsAnotherProcessOrRights) {
  EXPECT_EQ(EndOfCall([](int) {
              execl("/bin/true", "true", static_cast<char*>(nullptr));
            }),
            -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { (void)!fork(); }), -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { kill(getppid(), SIGTERM); }), -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { (void)!setuid(0); }), -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) {
              rlimit more{RLIM_INFINITY, RLIM_INFINITY};
              setrlimit(RLIMIT_AS, &more);
            }),
            -SIGSYS);
}

TEST(SandboxTest, KillsWhoUsesAnotherDescriptor) {
  EXPECT_EQ(EndOfCall([](int door) { (void)!write(door + 1, "x", 1); }),
            -SIGSYS);
  EXPECT_EQ(EndOfCall([](int) { (void)!write(STDERR_FILENO, "x", 1); }),
            kAllowed)
      << "goes nowhere";
  EXPECT_EQ(EndOfCall([](int door) {
              char byte;
              (void)!read(door + 1, &byte, 1);
            }),
            -SIGSYS);
}

TEST(SandboxTest, KillsWhoMakesCode) {
  EXPECT_EQ(EndOfCall([](int) {
              mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            }),
            -SIGSYS);
  EXPECT_EQ(EndOfCall([](int door) {
              mmap(nullptr, 4096, PROT_READ, MAP_SHARED, door, 0);
            }),
            -SIGSYS);
  alignas(4096) static char page[4096];
  EXPECT_EQ(EndOfCall([](int) {
              mprotect(page, sizeof page, PROT_READ | PROT_EXEC);
            }),
            -SIGSYS);
}

// Otherwise hostile packets could take the device's memory through nDPI.
TEST(SandboxTest, MemoryEndsAtItsLimit) {
  constexpr size_t kPiece = size_t{1} << 20;
  const auto pieces = [](int) {
    int got = 0;
    while (got < 100000) {
      void* some = mmap(nullptr, kPiece, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (some == MAP_FAILED) break;
      ++got;
    }
    syscall(SYS_exit_group, got < 4096 ? 7 : 8);
  };
  EXPECT_EQ(EndOf(pieces, kRoomForTest), 7);
}

}  // namespace
}  // namespace schoolgate::agent
