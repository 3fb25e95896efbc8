// A program that we started would outlive us, inherit what is ours, or its end
// would not be noticed.
#include "platform/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>

#include "platform/shared_memory.h"

namespace schoolgate::platform {
namespace {

std::string Output(std::vector<std::string> arguments) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  auto child = ChildProcess::Start(arguments, std::array{ends[1]});
  EXPECT_TRUE(child.ok()) << child.status();
  close(ends[1]);
  std::string text;
  char some[256];
  for (ssize_t got; (got = read(ends[0], some, sizeof some)) > 0;) {
    text.append(some, static_cast<size_t>(got));
  }
  close(ends[0]);
  return text;
}

TEST(ChildProcessTest, PassesWhatIsGivenAndNothingElse) {
  EXPECT_EQ(Output({"/bin/sh", "-c", "echo hello >&3"}), "hello\n");
  const int other = dup(STDERR_FILENO);  // without close-on-exec
  const std::string open = Output({"/bin/sh", "-c", "ls /proc/self/fd >&3"});
  close(other);
  // 0 to 3, and the folder that ls itself opens.
  EXPECT_EQ(open, "0\n1\n2\n3\n4\n");
}

TEST(ChildProcessTest, SaysWhichProgramCannotBeStarted) {
  const auto child = ChildProcess::Start({"/nonexistent/program"}, {});
  ASSERT_FALSE(child.ok());
  EXPECT_NE(child.status().message().find("/nonexistent/program"),
            std::string::npos);
}

TEST(ChildProcessTest, KillsEvenWhatIsStopped) {
  auto child = ChildProcess::Start({"/bin/sleep", "1000"}, {});
  ASSERT_TRUE(child.ok()) << child.status();
  const pid_t pid = child->pid();
  EXPECT_FALSE(child->EndedBy().has_value());
  kill(pid, SIGSTOP);
  child->Kill();
  EXPECT_EQ(child->EndedBy(), SIGKILL);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(SharedMemoryTest, BothSidesSeeItAndNeitherCanCutIt) {
  auto ours = SharedMemory::Make(8192);
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_NE(ftruncate(ours->descriptor(), 4096), 0);
  auto theirs = SharedMemory::Map(dup(ours->descriptor()), 8192);
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  ours->bytes()[5000] = std::byte{7};
  EXPECT_EQ(theirs->bytes()[5000], std::byte{7});
  EXPECT_FALSE(SharedMemory::Map(dup(ours->descriptor()), 4096).ok());
}

}  // namespace
}  // namespace schoolgate::platform
