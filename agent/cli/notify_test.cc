#include "agent/cli/notify.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

using nlohmann::json;

// A desktop that keeps what it is shown and presses what it is told.
class KeptDesktop : public platform::DesktopNotifier {
 public:
  absl::StatusOr<uint32_t> Show(
      const platform::DesktopNotice& notice) override {
    if (!answers) return absl::UnavailableError("desktop: not yet");
    shown.push_back(notice);
    return static_cast<uint32_t>(shown.size());
  }
  absl::StatusOr<std::optional<Pressed>> NextPressed(absl::Duration) override {
    return std::exchange(pressed, std::nullopt);
  }

  std::vector<platform::DesktopNotice> shown;
  std::optional<Pressed> pressed;
  bool answers = true;
};

json Entry(uint64_t id) {
  return {{"id", id},           {"host", "bet.example"},
          {"warn", false},      {"reason", "Gambling is not allowed"},
          {"clause", "P0 U17"}, {"help", "Talk to your teacher"},
          {"token", "abc"}};
}

class NotifyLoopTest : public testing::Test {
 protected:
  absl::StatusOr<json> Answer(const json& question) {
    questions_.push_back(question);
    if (question["ask"] == "notice") return school_;
    json answer = answer_;
    // As the agent does: nothing twice.
    if (question.value("after", 0) >= 1) answer["notices"] = json::array();
    return answer;
  }

  KeptDesktop desktop_;
  std::vector<json> questions_;
  json school_ = {{"notice", ""}, {"version", ""}, {"accepted", true}};
  json answer_ = {{"notices", {Entry(1)}}, {"last", 1}};
  NotifyLoop loop_{[this](const json& question) { return Answer(question); },
                   desktop_};
};

// Otherwise a child would not know what happened, or whom to ask.
TEST_F(NotifyLoopTest, SaysWhatWhyAndWhomToAsk) {
  ASSERT_TRUE(loop_.Turn().ok());
  ASSERT_EQ(desktop_.shown.size(), 1u);
  EXPECT_EQ(desktop_.shown[0].summary, "bet.example is blocked at school");
  for (const char* part :
       {"Gambling is not allowed.", "P0 U17", "Talk to your teacher."}) {
    EXPECT_NE(desktop_.shown[0].body.find(part), std::string::npos) << part;
  }
  ASSERT_TRUE(loop_.Turn().ok());
  EXPECT_EQ(desktop_.shown.size(), 1u) << "shown twice";
}

// Otherwise what somebody says would be about something else.
TEST_F(NotifyLoopTest, AButtonSpeaksOfItsNotice) {
  ASSERT_TRUE(loop_.Turn().ok());
  desktop_.pressed = {.notice = 1, .button = "accident"};
  ASSERT_TRUE(loop_.Turn().ok());
  const json wanted = {
      {"ask", "answer"}, {"token", "abc"}, {"kind", "accident"}};
  EXPECT_EQ(questions_.back(), wanted);
}

TEST_F(NotifyLoopTest, AnAgentStartedAnewIsFollowed) {
  ASSERT_TRUE(loop_.Turn().ok());
  answer_ = {{"notices", json::array()}, {"last", 0}};
  ASSERT_TRUE(loop_.Turn().ok());
  ASSERT_TRUE(loop_.Turn().ok());
  EXPECT_EQ(questions_.back()["after"], 0);
}

// Nobody may be monitored who was never told.
TEST_F(NotifyLoopTest, TheSchoolsNoticeIsShownUntilItIsRead) {
  school_ = {
      {"notice", "We keep a record."}, {"version", "2"}, {"accepted", false}};
  ASSERT_TRUE(loop_.Turn().ok());
  ASSERT_EQ(desktop_.shown.size(), 2u);
  EXPECT_EQ(desktop_.shown[0].body, "We keep a record.");
  for (int turn = 0; turn < 200; ++turn) ASSERT_TRUE(loop_.Turn().ok());
  EXPECT_EQ(desktop_.shown.size(), 2u) << "once a session is enough";
  desktop_.pressed = {.notice = 1, .button = "read"};
  ASSERT_TRUE(loop_.Turn().ok());
  const json wanted = {{"ask", "accept"}, {"version", "2"}};
  EXPECT_EQ(questions_.back(), wanted);
  school_["version"] = "3";
  for (int turn = 0; turn < 200; ++turn) ASSERT_TRUE(loop_.Turn().ok());
  EXPECT_EQ(desktop_.shown.size(), 3u) << "another version is shown anew";
}

// At log-in the desktop may start after us.
TEST_F(NotifyLoopTest, ADesktopThatComesLaterIsWaitedFor) {
  desktop_.answers = false;
  ASSERT_TRUE(loop_.Turn().ok());
  ASSERT_TRUE(loop_.Turn().ok());
  desktop_.answers = true;
  ASSERT_TRUE(loop_.Turn().ok());
  EXPECT_EQ(desktop_.shown.size(), 1u);
}

// Otherwise illegal material would be named on a screen.
TEST(NoticeInWordsTest, AnIllegalHostIsNotNamedAndHasNoButtons) {
  json entry = Entry(1);
  entry["host"] = "";
  const auto words = NoticeInWords(entry);
  EXPECT_TRUE(words.buttons.empty());
  EXPECT_NE(words.body.find("tell a member of staff now"), std::string::npos);
}

TEST(NoticeInWordsTest, OtherShapesAreSurvived) {
  for (const json& entry :
       {json(), json(5), json{{"warn", "yes"}, {"host", 5}}}) {
    EXPECT_FALSE(NoticeInWords(entry).summary.empty());
  }
}

}  // namespace
}  // namespace schoolgate::agent
