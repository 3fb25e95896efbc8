#include "platform/processes.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace schoolgate::platform {
namespace {

// Otherwise a background program's contact would be taken for a browser's.
TEST(ProcessesTest, NamesTheProgramThatHoldsASocket) {
  const int mine = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct stat about {};
  ASSERT_EQ(fstat(mine, &about), 0);
  // However many programs run beside the test.
  auto processes = SystemProcesses(absl::Minutes(10));
  for (int look = 0; look < 2; ++look) {  // searched, then remembered
    const auto holder = processes->HolderOf(about.st_ino, getuid());
    ASSERT_TRUE(holder.has_value());
    EXPECT_EQ(holder->program, "platform_test");
  }
  close(mine);
  EXPECT_FALSE(processes->HolderOf(about.st_ino, getuid()).has_value());
  EXPECT_FALSE(processes->HolderOf(0, getuid()).has_value());
}

// Otherwise who asks much could keep everybody waiting.
TEST(ProcessesTest, LooksForNoLongerThanItMay) {
  const int mine = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct stat about {};
  ASSERT_EQ(fstat(mine, &about), 0);
  auto processes = SystemProcesses(absl::Nanoseconds(1));
  EXPECT_FALSE(processes->HolderOf(about.st_ino, getuid()).has_value());
  EXPECT_FALSE(processes->HolderOf(about.st_ino, getuid()).has_value());
  EXPECT_EQ(processes->given_up(), 2u);
  close(mine);
}

// Otherwise a container's uid 1000 would be taken for the pupil with that uid.
TEST(ProcessesTest, TellsContainersFromPeoplesPrograms) {
  EXPECT_TRUE(IsContainerGroup("/system.slice/docker-4c8e21.scope"));
  EXPECT_TRUE(IsContainerGroup("/docker/4c8e21"));
  EXPECT_TRUE(IsContainerGroup("/machine.slice/libpod-77.scope"));
  EXPECT_TRUE(IsContainerGroup("/machine.slice/machine-a.scope"));
  EXPECT_TRUE(IsContainerGroup("/lxc.payload.a"));
  EXPECT_FALSE(IsContainerGroup("/"));
  EXPECT_FALSE(IsContainerGroup("/system.slice/docker.service"));
  EXPECT_FALSE(IsContainerGroup("/system.slice/containerd.service"));
  EXPECT_FALSE(IsContainerGroup("/user.slice/user-1000.slice/session-3.scope"));
  EXPECT_FALSE(
      IsContainerGroup("/user.slice/user-1000.slice/user@1000.service/"
                       "user.slice/libpod-7.scope"));
}

}  // namespace
}  // namespace schoolgate::platform
