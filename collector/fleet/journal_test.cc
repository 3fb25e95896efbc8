// What the collector says must be found by program: levels kept, fields
// whole, and no text of a stranger able to fake a line.
#include "collector/fleet/journal.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

class JournalTest : public testing::Test {
 protected:
  void TearDown() override { SetLog({}); }

  static std::string Said(Level level, std::initializer_list<Field> fields) {
    testing::internal::CaptureStderr();
    Log(level, "stream_refused", fields);
    fflush(stderr);
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(JournalTest, OnlyWhatIsWantedIsWritten) {
  SetLog({.least = Level::kWarning, .format = LogFormat::kText});
  EXPECT_EQ(Said(Level::kNotice, {{"why", "x"}}), "");
  EXPECT_FALSE(LogWants(Level::kInfo));
  EXPECT_NE(Said(Level::kWarning, {{"why", "x"}}), "");
  SetLog({.least = Level::kDebug, .format = LogFormat::kText});
  EXPECT_NE(Said(Level::kDebug, {{"why", "x"}}), "");
  EXPECT_EQ(LevelNamed("debug"), Level::kDebug);
  EXPECT_FALSE(LevelNamed("loud"));
  EXPECT_EQ(LogFormatNamed("json"), LogFormat::kJson);
}

TEST_F(JournalTest, HostileTextStaysInItsField) {
  const std::string hostile = "a\nerror faked=\"yes\" \\";
  SetLog({.format = LogFormat::kText});
  const std::string text = Said(Level::kWarning, {{"why", hostile}});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_NE(text.find("why=\"a error faked=\\\"yes\\\" \\\\\""),
            std::string::npos)
      << text;
  SetLog({.format = LogFormat::kJson});
  const std::string line = Said(Level::kWarning, {{"why", hostile}});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["why"], hostile);
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["priority"], 4);
  EXPECT_EQ(json["event"], "stream_refused");
}

TEST_F(JournalTest, JournaldGetsItsOwnFields) {
  Scratch scratch;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, scratch.File("socket").c_str(),
          sizeof address.sun_path - 1);
  const int journald = socket(AF_UNIX, SOCK_DGRAM, 0);
  ASSERT_EQ(
      bind(journald, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  SetLog({.format = LogFormat::kJournal,
          .journal_socket = scratch.File("socket")});
  Log(Level::kError, "commit_failed", {{"events", "7"}, {"why", "two\nlines"}});
  char bytes[4096];
  const ssize_t size = recv(journald, bytes, sizeof bytes, 0);
  close(journald);
  ASSERT_GT(size, 0);
  const std::string message(bytes, static_cast<size_t>(size));
  EXPECT_NE(message.find("PRIORITY=3\n"), std::string::npos);
  EXPECT_NE(message.find("SCHOOLGATE_EVENT=commit_failed\n"),
            std::string::npos);
  EXPECT_NE(message.find("SCHOOLGATE_EVENTS=7\n"), std::string::npos);
  EXPECT_NE(message.find(std::string("SCHOOLGATE_WHY\n\x09\0\0\0\0\0\0\0"
                                     "two\nlines\n",
                                     33)),
            std::string::npos);
  EXPECT_EQ(message.find("MESSAGE=commit_failed events=\"7\""), 0u);
  // When nobody listens there any more, it is said on standard error.
  EXPECT_NE(Said(Level::kError, {{"why", "gone"}}), "");
}

}  // namespace
}  // namespace schoolgate::collector
