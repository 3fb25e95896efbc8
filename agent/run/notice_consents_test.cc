#include "agent/run/notice_consents.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace schoolgate::agent {
namespace {

class NoticeConsentsTest : public testing::Test {
 protected:
  NoticeConsentsTest() {
    char name[] = "/tmp/schoolgate-notices-XXXXXX";
    folder_ = mkdtemp(name);
    file_ = folder_ + "/notices.json";
  }
  ~NoticeConsentsTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_, file_;
};

// Asked again at every log-in, people stop reading it; never asked about a new
// version, they do not know what holds.
TEST_F(NoticeConsentsTest, AcceptedOncePerPersonAndVersionAlsoOverARestart) {
  NoticeConsents notices(file_);
  EXPECT_FALSE(notices.Accepted(1000, "1"));
  notices.Accept(1000, "1", absl::FromUnixSeconds(1'790'000'000));
  NoticeConsents later(file_);
  EXPECT_TRUE(later.Accepted(1000, "1"));
  EXPECT_FALSE(later.Accepted(1000, "2"));
  EXPECT_FALSE(later.Accepted(1001, "1"));
}

TEST_F(NoticeConsentsTest, ADamagedFileAsksAgain) {
  for (const char* text : {"{", "[]", "{\"1000\":5}", "{\"x\":{}}"}) {
    std::ofstream(file_) << text;
    EXPECT_FALSE(NoticeConsents(file_).Accepted(1000, "1")) << text;
  }
}

}  // namespace
}  // namespace schoolgate::agent
