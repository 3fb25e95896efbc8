// What a class would miss of a site that a teacher has just opened.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "agent/decide/verdicts.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::agent {
namespace {

class PreviewTest : public testing::Test {
 protected:
  PreviewTest() {
    rules::WriteExample(file_, {});
    auto rules = rules::Ruleset::Open(file_);
    EXPECT_TRUE(rules.ok()) << rules.status();
    verdicts_.Use(*rules);
    teacher_.group = "staff";
    teacher_.login = "a.teacher";
  }
  ~PreviewTest() override { std::filesystem::remove(file_); }

  std::string Missed(int64_t time_us) {
    std::string hosts;
    for (const auto& [host, decision] :
         verdicts_.Preview(teacher_, "pupils", time_us)) {
      if (decision.action == rules::Action::kBlock) hosts += host + " ";
    }
    return hosts;
  }

  const std::string file_ =
      testing::TempDir() + "/preview-" + std::to_string(getpid());
  Verdicts verdicts_{"D-1"};
  Who teacher_;
  const int64_t now_us_ = absl::ToUnixMicros(rules::ExampleTime());
};

// Otherwise the lesson fails for a host that nobody saw when it was planned.
TEST_F(PreviewTest, SaysWhatTheClassWouldMiss) {
  for (const char* host :
       {"learn.test", "www.games.test", "casino.test", "plain.test"}) {
    (void)verdicts_.For(host, teacher_, now_us_);
  }
  EXPECT_EQ(Missed(now_us_ + 1'000'000), "casino.test www.games.test ");
}

// What others did on the device is nobody's to read, nor what is long past,
// and the locked lists are named to nobody.
TEST_F(PreviewTest, ShowsOnlyWhatTheAskerJustDid) {
  Who pupil;
  pupil.group = "pupils";
  pupil.login = "a.pupil";
  (void)verdicts_.For("games.test", pupil, now_us_);
  (void)verdicts_.For("abuse.test", teacher_, now_us_);
  EXPECT_EQ(verdicts_.Preview(teacher_, "pupils", now_us_).size(), 0u);
  (void)verdicts_.For("games.test", teacher_, now_us_);
  EXPECT_EQ(Missed(now_us_), "games.test ");
  EXPECT_EQ(Missed(now_us_ + 61'000'000), "");
}

}  // namespace
}  // namespace schoolgate::agent
