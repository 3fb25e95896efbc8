#include "platform/accounts.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace schoolgate::platform {
namespace {

constexpr uint32_t kUid = 61'234;

// In a child with lists of its own in place of the machine's.
int GroupsSeen(const std::string& folder) {
  for (const char* name : {"passwd", "group"}) {
    const std::string list = folder + "/" + name;
    const std::string place = std::string("/etc/") + name;
    if (mount(list.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return -1;
    }
  }
  const auto account = SystemAccounts()->Find(kUid);
  return account ? static_cast<int>(account->groups.size()) : 0;
}

// Everybody in a school's groups would be judged as nobody of the school, for
// their groups are too large to be read.
TEST(AccountsTest, GroupsOfAWholeSchoolAreRead) {
  std::string folder = testing::TempDir() + "/accounts.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    std::ofstream(folder + "/passwd")
        << "root:x:0:0::/:/bin/sh\nteacher:x:" << kUid << ":100::/:/bin/sh\n";
    std::ofstream groups(folder + "/group");
    groups << "users:x:100:\nteachers:x:3000:teacher";
    for (int i = 0; i < 20'000; ++i) groups << ",pupil-" << i << ".of.2031";
    groups << "\n";
    // And somebody who is in very many.
    for (int i = 0; i < 300; ++i) {
      groups << "club-" << i << ":x:" << 4000 + i << ":teacher\n";
    }
  }
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      _exit(2);
    }
    const int seen = GroupsSeen(folder);
    _exit(seen == 302 ? 0 : seen < 0 ? 2 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(std::system(("rm -r " + folder).c_str()), 0);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "may not mount: needs root";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace schoolgate::platform
