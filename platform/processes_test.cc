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
  auto processes = SystemProcesses();
  EXPECT_EQ(processes->HolderOf(about.st_ino, getuid()), "platform_test");
  EXPECT_EQ(processes->HolderOf(about.st_ino, getuid()), "platform_test");
  close(mine);
  EXPECT_EQ(processes->HolderOf(about.st_ino, getuid()), std::nullopt);
  EXPECT_EQ(processes->HolderOf(0, getuid()), std::nullopt);
}

}  // namespace
}  // namespace schoolgate::platform
