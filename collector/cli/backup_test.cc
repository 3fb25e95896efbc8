// What is put back after a bad day must be the whole collector, or nothing.
#include "collector/cli/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "collector/cli/setup.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    const auto made = collector::SetUp(request, now_);
    EXPECT_TRUE(made.ok()) << made.status();
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path() + "/data"};
  const std::string copy_ = scratch_.File("copy");
  const DataDirectory back_{scratch_.path() + "/back"};
  const absl::Time now_ = platform::SystemClock().Now();
};

TEST_F(BackupTest, NobodyElseMayReadItNorWhatIsPutBack) {
  ASSERT_TRUE(BackUp(directory_, copy_, now_).ok());
  ASSERT_TRUE(Restore(copy_, back_).ok());
  for (const std::string& folder : {copy_, back_.path}) {
    size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const bool is_folder = entry.is_directory();
      EXPECT_EQ(entry.status().permissions(),
                is_folder ? fs::perms(0700) : fs::perms(0600))
          << entry.path();
      files += is_folder ? 0 : 1;
    }
    EXPECT_GT(files, 5u);
  }
}

TEST_F(BackupTest, OneThatEndedEarlyIsNoBackup) {
  // What cannot be copied ends it.
  ASSERT_EQ(mkfifo((directory_.path + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(BackUp(directory_, copy_, now_).ok());
  const absl::Status half = Restore(copy_, back_).status();
  EXPECT_THAT(half.message(), HasSubstr("did not end"));
  EXPECT_FALSE(fs::exists(back_.path));
}

TEST_F(BackupTest, OneWithoutItsDatabaseIsNotPutBack) {
  ASSERT_TRUE(BackUp(directory_, copy_, now_).ok());
  fs::remove(copy_ + "/main.sqlite");
  const absl::Status status = Restore(copy_, back_).status();
  EXPECT_THAT(status.message(), HasSubstr("main.sqlite: is missing"));
  EXPECT_FALSE(fs::exists(back_.path));
}

// It would copy itself until the disk is full.
TEST_F(BackupTest, ItIsNotPutIntoWhatItCopies) {
  const absl::Status status =
      BackUp(directory_, directory_.path + "/backups/today", now_).status();
  EXPECT_THAT(status.message(), HasSubstr("name a place elsewhere"));
  EXPECT_FALSE(fs::exists(directory_.path + "/backups"));
}

}  // namespace
}  // namespace schoolgate::collector
