#include "platform/service_notice.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "gtest/gtest.h"
#include "platform/name_question.h"

namespace schoolgate::platform {
namespace {

// Otherwise the queue would close when the agent dies.
TEST(ServiceNoticeTest, DescriptorsArriveWithTheirName) {
  auto keeper = NoticeSocket::Open();
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  ASSERT_TRUE(SendNotice((*keeper)->address(), "FDSTORE=1\nFDNAME=queue",
                         std::span<const int>(ends.data(), 1))
                  .ok());
  close(ends[0]);
  Notice notice;
  ASSERT_TRUE((*keeper)->Receive(&notice));
  EXPECT_EQ(notice.from, getpid());
  EXPECT_TRUE(notice.Says("FDSTORE=1"));
  EXPECT_FALSE(notice.Says("READY=1"));
  EXPECT_EQ(notice.ValueOf("FDNAME"), "queue");
  ASSERT_EQ(notice.descriptors.size(), 1u);
  ASSERT_EQ(write(notice.descriptors[0], "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(ends[1], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  close(notice.descriptors[0]);
  close(ends[1]);
  EXPECT_FALSE((*keeper)->Receive(&notice));
}

// Otherwise any local user could fill it with words, and the agent would be
// taken for hung.
TEST(ServiceNoticeTest, OnlyItsUserReachesTheOneInADirectory) {
  const std::string directory = testing::TempDir() + "notices";
  mkdir(directory.c_str(), 0755);
  for (int times = 0; times < 2; ++times) {  // the first leaves its file
    auto keeper = NoticeSocket::Open(directory);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    const std::string address = (*keeper)->address();
    EXPECT_EQ(address, directory + "/keeper-notices");
    EXPECT_TRUE(IsOwnNoticeAddress(address));
    struct stat file;
    ASSERT_EQ(stat(address.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777u, 0600u);
    ASSERT_TRUE(SendNotice(address, "READY=1").ok());
    Notice notice;
    ASSERT_TRUE((*keeper)->Receive(&notice));
    EXPECT_TRUE(notice.Says("READY=1"));
    if (times == 1) (*keeper)->Remove();
  }
  EXPECT_EQ(rmdir(directory.c_str()), 0);
  EXPECT_FALSE(IsOwnNoticeAddress("/run/systemd/notify"));
}

// Otherwise a second keeper, or an agent started by hand, would have the
// first one's agent ended as hung, and the network opened.
TEST(ServiceNoticeTest, AKeeperThatLivesKeepsItsPlace) {
  const std::string directory = testing::TempDir() + "notices-taken";
  mkdir(directory.c_str(), 0755);
  EXPECT_FALSE(NoticeSocket::IsTaken(directory));
  {
    auto first = NoticeSocket::Open(directory);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_TRUE(NoticeSocket::IsTaken(directory));
    auto second = NoticeSocket::Open(directory);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_EQ((*second)->address().front(), '@');
    (*second)->Remove();
    ASSERT_TRUE(SendNotice((*first)->address(), "WATCHDOG=1").ok());
    Notice notice;
    EXPECT_TRUE((*first)->Receive(&notice));
  }
  EXPECT_FALSE(NoticeSocket::IsTaken(directory)) << "only its file is there";
  auto next = NoticeSocket::Open(directory);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ((*next)->address(), directory + "/keeper-notices");
  (*next)->Remove();
  EXPECT_EQ(rmdir(directory.c_str()), 0);
}

TEST(ServiceNoticeTest, WhereNoFileCanBeItIsElsewhere) {
  for (const std::string& directory :
       {std::string("/nowhere/at/all"), "/tmp/" + std::string(200, 'x')}) {
    auto keeper = NoticeSocket::Open(directory);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    EXPECT_EQ((*keeper)->address().front(), '@');
    EXPECT_TRUE(SendNotice((*keeper)->address(), "WATCHDOG=1").ok());
    (*keeper)->Remove();
  }
}

// Otherwise an agent would not notice that nobody would start it again.
TEST(ServiceNoticeTest, AKeeperThatHasGoneIsNoticed) {
  std::string address;
  {
    auto keeper = NoticeSocket::Open();
    ASSERT_TRUE(keeper.ok());
    address = (*keeper)->address();
    EXPECT_TRUE(SendNotice(address, "WATCHDOG=1").ok());
  }
  EXPECT_TRUE(absl::IsUnavailable(SendNotice(address, "WATCHDOG=1")));
}

TEST(ServiceNoticeTest, DescriptorsForAnotherProcessAreNotTaken) {
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_FDNAMES", "a:b", 1);
  EXPECT_TRUE(TakeKeptDescriptors().empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

// Otherwise a self-test would accuse whoever runs it.
TEST(NameQuestionTest, OnlySelfTestsHaveTheirForm) {
  EXPECT_TRUE(IsTestName(FreshTestName("")));
  EXPECT_TRUE(IsTestName(FreshTestName("gambling")));
  EXPECT_NE(FreshTestName("gambling"), FreshTestName("gambling"));
  EXPECT_FALSE(IsTestName("gambling.check.schoolgate.test"));
  EXPECT_FALSE(IsTestName("www.gambling.check.schoolgate.test"));
  EXPECT_FALSE(IsTestName("0123456789abcdef.selftest.example.org"));
  EXPECT_FALSE(IsTestName(""));
}

}  // namespace
}  // namespace schoolgate::platform
