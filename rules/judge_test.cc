// A wrong answer here blocks a lesson, opens what must stay shut, or records
// what is nobody's business; a wrong `until` does so for as long as it says.
#include "rules/judge.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rules/policy/compile.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string why;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &why)) << why;
  return time;
}

std::string Text(const std::optional<absl::Time>& time) {
  return time.has_value() ? absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *time,
                                             absl::UTCTimeZone())
                          : "never";
}

class JudgeTest : public testing::Test {
 protected:
  void SetUp() override {
    city_ = Load("city");
    village_ = Load("village");
    trust_ = Load("trust");
  }

  static std::shared_ptr<const PolicyTables> Load(const std::string& school) {
    const auto policy =
        CompilePolicyFile("rules/policies/" + school + "-primary.yaml");
    EXPECT_TRUE(policy.ok()) << policy.status().message();
    return *PolicyTables::Make(*policy);
  }

  Decision Ask(const PolicyTables& tables, const std::string& group,
               const std::vector<std::string>& categories,
               const std::string& at, const std::string& user = "",
               const std::string& host = "www.site.example",
               Place place = Place::kOnsite) const {
    Question question;
    question.host = host;
    question.group = group;
    question.user = user;
    question.device = "D-1";
    question.at = At(at);
    question.at_least = at_least_;
    question.place = place;
    question.boot_us = boot_us_;
    question.boot_id = "boot-1";
    return Judge(tables, overlays_, host, categories, question);
  }

  v1::LessonPass* AddPass() {
    v1::LessonPass* pass = overlays_.add_passes();
    pass->set_id("7");
    pass->add_hosts("site.example");
    pass->add_devices("D-1");
    pass->set_reason("Year 6 study of propaganda");
    pass->set_requester("teacher.six");
    pass->set_approver("deputy.head");
    pass->set_start_unix_s(absl::ToUnixSeconds(At("2026-11-23T10:00:00Z")));
    pass->set_end_unix_s(absl::ToUnixSeconds(At("2026-11-23T11:00:00Z")));
    return pass;
  }

  std::shared_ptr<const PolicyTables> city_;
  std::shared_ptr<const PolicyTables> village_;
  std::shared_ptr<const PolicyTables> trust_;
  v1::Overlays overlays_;
  absl::Time at_least_ = absl::InfinitePast();
  int64_t boot_us_ = 0;
};

TEST_F(JudgeTest, AnswersHoldUntilTheBell) {
  const Decision lesson =
      Ask(*village_, "staff", {"shopping"}, "2026-11-23T10:00:00Z");
  EXPECT_EQ(lesson.action, Action::kBlock);
  EXPECT_EQ(Text(lesson.until), "2026-11-23T10:30:00Z");
  const Decision pause =
      Ask(*village_, "staff", {"shopping"}, "2026-11-23T10:30:00Z");
  EXPECT_EQ(pause.action, Action::kAllow);
  EXPECT_EQ(Text(pause.until), "2026-11-23T10:45:00Z");
}

TEST_F(JudgeTest, AnswersHoldOverWeekendsAndHolidays) {
  EXPECT_EQ(
      Text(Ask(*village_, "staff", {"shopping"}, "2026-11-27T15:15:00Z").until),
      "2026-11-30T09:00:00Z");
  EXPECT_EQ(
      Text(Ask(*village_, "staff", {"shopping"}, "2026-12-18T15:15:00Z").until),
      "2027-01-04T09:00:00Z");
  // Half-term lies inside the term.
  EXPECT_EQ(
      Text(Ask(*village_, "staff", {"shopping"}, "2026-10-23T16:00:00Z").until),
      "2026-11-02T09:00:00Z");
}

TEST_F(JudgeTest, LessonsFollowTheClockOnTheWallInSummer) {
  EXPECT_EQ(
      Ask(*village_, "staff", {"shopping"}, "2026-06-15T08:00:00Z").action,
      Action::kBlock);
  EXPECT_EQ(
      Ask(*village_, "staff", {"shopping"}, "2026-06-15T07:59:59Z").action,
      Action::kAllow);
  EXPECT_EQ(
      Text(Ask(*village_, "staff", {"shopping"}, "2026-03-27T15:30:00Z").until),
      "2026-04-13T08:00:00Z");
}

TEST_F(JudgeTest, WhatNeverChangesSaysSo) {
  EXPECT_EQ(
      Text(Ask(*city_, "pupils", {"gambling"}, "2026-11-23T10:00:00Z").until),
      "never");
  EXPECT_EQ(Text(Ask(*city_, "staff", {}, "2026-11-23T10:00:00Z").until),
            "never");
}

TEST_F(JudgeTest, ANominationEndsWithItsLastDay) {
  const Decision now = Ask(*city_, "staff", {"social"}, "2027-08-31T22:00:00Z",
                           "Office.Manager");
  EXPECT_EQ(now.action, Action::kAllow);
  EXPECT_EQ(Text(now.until), "2027-08-31T23:00:00Z");
  EXPECT_EQ(
      Ask(*city_, "staff", {"social"}, "2027-08-31T23:00:00Z", "office.manager")
          .action,
      Action::kBlock);
  EXPECT_EQ(Text(Ask(*city_, "staff", {"social"}, "2026-08-01T10:00:00Z",
                     "office.manager")
                     .until),
            "2026-08-31T23:00:00Z");
}

// A nomination belongs to a member of staff, not to whoever types the name.
TEST_F(JudgeTest, ANomineesNameHelpsNobodyInAnotherGroup) {
  for (const char* group : {"pupils", "ks2", "guest", "unknown", "nonsense"}) {
    EXPECT_EQ(
        Ask(*city_, group, {"social"}, "2026-11-23T10:00:00Z", "office.manager")
            .action,
        Action::kBlock)
        << group;
  }
}

// "Removal of internet access for a period": a pupil of Key Stage 2 gets no
// more than the youngest, to the end of the last day.
class RestrictionTest : public JudgeTest {
 protected:
  void SetUp() override {
    JudgeTest::SetUp();
    policy_ = city_->policy();
    one_ = policy_.add_restrictions();
    one_->set_user("pupil.one");
    one_->set_to(static_cast<uint32_t>(city_->Group("ks1")));
    one_->set_from_unix_s(absl::ToUnixSeconds(At("2026-11-23T00:00:00Z")));
    one_->set_expires_unix_s(absl::ToUnixSeconds(At("2026-11-28T00:00:00Z")));
    one_->set_reason("agreed with your parents");
    one_->set_asked_by("dsl");
    one_->set_approver("head");
  }

  Decision AskNews(const std::string& group, const std::string& at,
                   const std::string& user) {
    return Ask(**PolicyTables::Make(policy_), group, {"news"}, at, user);
  }

  v1::CompiledPolicy policy_;
  v1::Restriction* one_ = nullptr;
};

TEST_F(RestrictionTest, BeginsAndEndsByItself) {
  const Decision before = AskNews("ks2", "2026-11-22T23:59:59Z", "pupil.one");
  EXPECT_EQ(before.action, Action::kAllow);
  EXPECT_EQ(Text(before.until), "2026-11-23T00:00:00Z");
  const Decision during = AskNews("ks2", "2026-11-23T00:00:00Z", "Pupil.One");
  EXPECT_EQ(during.action, Action::kBlock);
  EXPECT_EQ(Text(during.until), "2026-11-28T00:00:00Z");
  EXPECT_FALSE(during.logged) << "being restricted is no misuse";
  EXPECT_THAT(during.reason, testing::HasSubstr("the end of 27 November 2026"));
  EXPECT_THAT(during.reason, testing::HasSubstr("agreed with your parents"));
  EXPECT_THAT(during.reason,
              testing::Not(testing::HasSubstr("not known who is asking")));
  EXPECT_EQ(AskNews("ks2", "2026-11-28T00:00:00Z", "pupil.one").action,
            Action::kAllow);
  EXPECT_EQ(AskNews("ks2", "2026-11-25T10:00:00Z", "pupil.two").action,
            Action::kAllow);
  EXPECT_EQ(AskNews("ks2", "2026-11-25T10:00:00Z", "").action, Action::kAllow);
}

TEST_F(RestrictionTest, HoldsForAWholeGroupAndWhatBelongsToIt) {
  one_->clear_user();
  one_->set_group_plus_1(static_cast<uint32_t>(city_->Group("pupils")) + 1);
  EXPECT_EQ(AskNews("ks2", "2026-11-25T10:00:00Z", "pupil.two").action,
            Action::kBlock);
  EXPECT_EQ(AskNews("staff", "2026-11-25T10:00:00Z", "teacher").action,
            Action::kAllow);
}

// Whoever has less still finds help, and what teachers opened for the class is
// not for them.
TEST_F(RestrictionTest, LeavesHelpOpenAndPassesShut) {
  const auto tables = *PolicyTables::Make(policy_);
  EXPECT_EQ(
      Ask(*tables, "ks2", {"helpline"}, "2026-11-23T10:30:00Z", "pupil.one")
          .action,
      Action::kAllow);
  AddPass();
  EXPECT_EQ(
      Ask(*tables, "ks2", {"news"}, "2026-11-23T10:30:00Z", "pupil.two").rule,
      "pass:7");
  EXPECT_EQ(
      Ask(*tables, "ks2", {"news"}, "2026-11-23T10:30:00Z", "pupil.one").action,
      Action::kBlock);
}

// Wherever the "stricter" group is in fact the milder one, nothing opens.
TEST_F(RestrictionTest, NeverOpensAnything) {
  one_->set_to(static_cast<uint32_t>(city_->Group("staff")));
  const auto tables = *PolicyTables::Make(policy_);
  for (const v1::PolicyCategory& category : city_->policy().categories()) {
    for (const char* group : {"ks1", "ks2", "pupils", "guest", "unknown"}) {
      const Decision without = Ask(*city_, group, {category.id()},
                                   "2026-11-25T10:00:00Z", "pupil.one");
      const Decision with = Ask(*tables, group, {category.id()},
                                "2026-11-25T10:00:00Z", "pupil.one");
      EXPECT_GE(with.action, without.action) << group << " " << category.id();
    }
  }
}

TEST_F(RestrictionTest, AGroupThatIsNoneIsRefusedWithTheBundle) {
  one_->set_to(1000);
  EXPECT_FALSE(PolicyTables::Make(policy_).ok());
  one_->set_to(0);
  one_->set_group_plus_1(1000);
  EXPECT_FALSE(PolicyTables::Make(policy_).ok());
}

// A visitor's account: the school's own policy, with two guests in it.
class GuestEndTest : public JudgeTest {
 protected:
  void SetUp() override {
    JudgeTest::SetUp();
    namespace fs = std::filesystem;
    const std::string folder =
        testing::TempDir() + "/guests-" + std::to_string(getpid());
    fs::create_directories(folder);
    for (const char* file : {"/baseline.yaml", "/city-primary.yaml"}) {
      fs::copy_file("rules/policies" + std::string(file), folder + file,
                    fs::copy_options::overwrite_existing);
    }
    std::ofstream(folder + "/city-primary.yaml", std::ios::app)
        << "\nguests:\n"
           "  - {user: Visitor1, until: 2026-12-04, reason: supply, asked_by: "
           "office, approver: head}\n"
           "  - {user: visitor2, until: 2026-12-11, reason: supply, asked_by: "
           "office, approver: head}\n";
    auto policy = CompilePolicyFile(folder + "/city-primary.yaml");
    fs::remove_all(folder);
    ASSERT_TRUE(policy.ok()) << policy.status().message();
    policy_ = *std::move(policy);
    tables_ = *PolicyTables::Make(policy_);
  }

  Decision AskAs(const char* user, const char* category, const char* at) {
    return Ask(*tables_, "guest", {category}, at, user);
  }

  v1::CompiledPolicy policy_;
  std::shared_ptr<const PolicyTables> tables_;
};

// A supply teacher's account would still be open to whoever has its password.
TEST_F(GuestEndTest, AGuestAccountEndsWithItsLastDay) {
  const Decision last = AskAs("visitor1", "education", "2026-12-04T23:59:59Z");
  EXPECT_EQ(last.action, Action::kAllow);
  EXPECT_EQ(Text(last.until), "2026-12-05T00:00:00Z");
  const Decision ended = AskAs("visitor1", "education", "2026-12-05T00:00:00Z");
  EXPECT_EQ(ended.action, Action::kBlock);
  EXPECT_EQ(ended.rule, "guest-ended");
  EXPECT_FALSE(ended.logged) << "it is no misuse";
  EXPECT_THAT(ended.reason, testing::HasSubstr("4 December 2026"));
  EXPECT_EQ(AskAs("VISITOR1", "news", "2031-01-01T10:00:00Z").action,
            Action::kBlock);
  EXPECT_EQ(AskAs("visitor1", "helpline", "2026-12-05T10:00:00Z").action,
            Action::kAllow);
  EXPECT_EQ(AskAs("visitor2", "education", "2026-12-05T10:00:00Z").action,
            Action::kAllow);
  EXPECT_EQ(AskAs("visitor3", "education", "2026-12-05T10:00:00Z").action,
            Action::kAllow);
}

// Whoever says what time it is could else end a restriction, or open a school's
// evening at noon.
TEST_F(RestrictionTest, ALaterTimeThatIsToldEndsNone) {
  at_least_ = At("2031-01-01T00:00:00Z");
  EXPECT_EQ(AskNews("ks2", "2026-11-23T00:00:00Z", "pupil.one").action,
            Action::kBlock);
  EXPECT_EQ(AskNews("ks2", "2026-11-22T23:59:59Z", "pupil.one").action,
            Action::kAllow);
}

TEST_F(GuestEndTest, AClockSetBackOpensNoAccountThatIsOver) {
  const char* set_back = "2026-12-01T10:00:00Z";
  at_least_ = At("2026-12-04T23:59:59Z");
  EXPECT_EQ(AskAs("visitor1", "education", set_back).action, Action::kAllow);
  at_least_ = At("2026-12-05T00:00:00Z");
  EXPECT_EQ(AskAs("visitor1", "education", set_back).rule, "guest-ended");
  EXPECT_EQ(AskAs("visitor2", "education", set_back).action, Action::kAllow);
}

// Whoever nobody knows would have nothing left, as the strictest group has.
TEST_F(GuestEndTest, GuestsChangeNothingForAnybodyElse) {
  for (const v1::PolicyGroup& group : city_->policy().groups()) {
    for (const v1::PolicyCategory& category : city_->policy().categories()) {
      const char* at = "2026-12-08T10:00:00Z";
      EXPECT_EQ(
          Ask(*tables_, group.id(), {category.id()}, at, "somebody").action,
          Ask(*city_, group.id(), {category.id()}, at, "somebody").action)
          << group.id() << " " << category.id();
    }
  }
}

TEST_F(GuestEndTest, TheLastDayCanBeRead) {
  const auto end = GuestEnd(policy_, "Visitor1");
  ASSERT_TRUE(end);
  EXPECT_EQ(DayBefore(policy_, *end), "4 December 2026");
  EXPECT_EQ(GuestEnd(policy_, "visitor3"), std::nullopt);
  EXPECT_EQ(GuestEnd(policy_, ""), std::nullopt);
}

// The property behind every other test of `until`: nothing changes before it,
// something does at it.
TEST_F(JudgeTest, NothingChangesBeforeUntilAndSomethingDoesAtIt) {
  std::srand(20261123);
  for (const PolicyTables* tables : {city_.get(), village_.get()}) {
    for (int i = 0; i < 400; ++i) {
      const absl::Time at =
          At("2026-08-20T00:00:00Z") + absl::Minutes(std::rand() % 500'000);
      const char* group = i % 3 == 0   ? "pupils"
                          : i % 3 == 1 ? "staff"
                                       : "unknown";
      const std::string when =
          absl::FormatTime(absl::RFC3339_full, at, absl::UTCTimeZone());
      const Decision now = Ask(*tables, group, {"video", "shopping"}, when);
      if (!now.until.has_value()) continue;
      EXPECT_GT(*now.until, at);
      for (int probe = 1; probe <= 20; ++probe) {
        const absl::Time between = at + (*now.until - at) * probe / 21;
        EXPECT_EQ(Ask(*tables, group, {"video", "shopping"},
                      absl::FormatTime(absl::RFC3339_full, between,
                                       absl::UTCTimeZone()))
                      .action,
                  now.action)
            << when;
      }
      const Decision then = Ask(*tables, group, {"video", "shopping"},
                                absl::FormatTime(absl::RFC3339_full, *now.until,
                                                 absl::UTCTimeZone()));
      EXPECT_TRUE(then.action != now.action || then.rule != now.rule ||
                  then.reason != now.reason)
          << when;
    }
  }
}

TEST_F(JudgeTest, TheStrictestOfSeveralCategoriesHolds) {
  EXPECT_EQ(
      Ask(*trust_, "staff", {"news", "social"}, "2026-11-23T10:00:00Z").action,
      Action::kWarn);
  EXPECT_EQ(
      Ask(*trust_, "staff", {"news", "social", "games"}, "2026-11-23T10:00:00Z")
          .action,
      Action::kBlock);
}

// A maths game is a game; the policy says that it counts as education.
TEST_F(JudgeTest, APolicyMaySayThatOneCategoryDisplacesAnother) {
  EXPECT_EQ(Ask(*trust_, "ks2", {"games", "games-educational"},
                "2026-11-23T10:00:00Z")
                .action,
            Action::kAllow);
  EXPECT_EQ(Ask(*trust_, "ks2", {"games", "games-educational", "gambling"},
                "2026-11-23T10:00:00Z")
                .action,
            Action::kBlock);
}

TEST_F(JudgeTest, NothingOpensALockedHost) {
  AddPass();
  for (const char* id :
       {"child-abuse", "terrorism", "illegal-adult", "criminal-hate"}) {
    const Decision decision = Ask(
        *city_, "staff", {id, "helpline", "education"}, "2026-11-23T10:30:00Z",
        "office.manager", "blog.city-primary.example");
    EXPECT_EQ(decision.action, Action::kBlock) << id;
    EXPECT_TRUE(decision.locked) << id;
  }
}

TEST_F(JudgeTest, HelpLinesStayOpenThroughAnEmergencyBlockAndUnrecorded) {
  v1::EmergencyBlock* block = overlays_.add_blocks();
  block->add_hosts("childline.org.uk");
  block->set_countersigned(true);
  const Decision decision = Ask(*city_, "unknown", {}, "2026-11-23T10:30:00Z",
                                "", "www.childline.org.uk");
  EXPECT_EQ(decision.action, Action::kAllow);
  EXPECT_TRUE(decision.never_log);
  EXPECT_FALSE(decision.logged);
}

TEST_F(JudgeTest, AnEmergencyBlockLapsesUnlessCountersigned) {
  v1::EmergencyBlock* block = overlays_.add_blocks();
  block->set_id("e1");
  block->add_hosts("site.example");
  block->set_by("head");
  block->set_reason("harmful video going round");
  block->set_issued_unix_s(absl::ToUnixSeconds(At("2026-11-23T10:00:00Z")));
  block->set_lapses_unix_s(absl::ToUnixSeconds(At("2026-11-24T10:00:00Z")));
  const Decision now = Ask(*city_, "staff", {}, "2026-11-23T12:00:00Z");
  EXPECT_EQ(now.action, Action::kBlock);
  EXPECT_EQ(now.rule, "emergency:e1");
  EXPECT_EQ(Text(now.until), "2026-11-24T10:00:00Z");
  // A clock set back does not undo it.
  EXPECT_EQ(Ask(*city_, "staff", {}, "2026-11-23T09:00:00Z").action,
            Action::kBlock);
  EXPECT_EQ(Ask(*city_, "staff", {}, "2026-11-24T10:00:00Z").action,
            Action::kAllow);
  block->set_countersigned(true);
  EXPECT_EQ(Ask(*city_, "staff", {}, "2026-11-24T10:00:00Z").action,
            Action::kBlock);
}

TEST_F(JudgeTest, ALessonPassOpensItsHostForItsDeviceAndItsTime) {
  AddPass();
  const Decision during =
      Ask(*city_, "pupils", {"social"}, "2026-11-23T10:30:00Z");
  EXPECT_EQ(during.action, Action::kAllow);
  EXPECT_EQ(during.rule, "pass:7");
  EXPECT_EQ(Text(during.until), "2026-11-23T11:00:00Z");
  const Decision before =
      Ask(*city_, "pupils", {"social"}, "2026-11-23T09:30:00Z");
  EXPECT_EQ(before.action, Action::kBlock);
  EXPECT_EQ(Text(before.until), "2026-11-23T10:00:00Z");
  EXPECT_EQ(Ask(*city_, "pupils", {"social"}, "2026-11-23T11:00:00Z").action,
            Action::kBlock);
  EXPECT_EQ(Ask(*city_, "pupils", {"social"}, "2026-11-23T10:30:00Z", "",
                "www.other.example")
                .action,
            Action::kBlock);
}

TEST_F(JudgeTest, ALessonPassEndsWithTheClockSetBack) {
  v1::LessonPass* pass = AddPass();
  pass->set_boot_id("boot-1");
  pass->set_boot_deadline_us(5'000'000'000);
  boot_us_ = 4'999'000'000;
  const Decision near =
      Ask(*city_, "pupils", {"social"}, "2026-11-23T10:00:00Z");
  EXPECT_EQ(near.action, Action::kAllow);
  EXPECT_EQ(Text(near.until), "2026-11-23T10:00:01Z");
  boot_us_ = 5'000'000'000;
  EXPECT_EQ(Ask(*city_, "pupils", {"social"}, "2026-11-23T10:00:00Z").action,
            Action::kBlock);
  // Another boot: the deadline of the old one says nothing, so it is over.
  pass->set_boot_id("boot-0");
  boot_us_ = 1'000'000;
  EXPECT_EQ(Ask(*city_, "pupils", {"social"}, "2026-11-23T10:00:00Z").action,
            Action::kBlock);
}

TEST_F(JudgeTest, ALessonPassOpensOnlyWhatThePolicyCallsPassable) {
  AddPass();
  for (const char* id : {"adult", "self-harm", "suicide", "gambling", "bypass",
                         "malware", "piracy", "dating", "chat"}) {
    EXPECT_EQ(Ask(*city_, "pupils", {id}, "2026-11-23T10:30:00Z").action,
              Action::kBlock)
        << id;
  }
  for (const char* id : {"drugs", "hate", "social", "video", "games"}) {
    EXPECT_EQ(Ask(*city_, "pupils", {id}, "2026-11-23T10:30:00Z").action,
              Action::kAllow)
        << id;
  }
  // One category that may not be opened keeps the host shut.
  EXPECT_EQ(
      Ask(*city_, "pupils", {"drugs", "adult"}, "2026-11-23T10:30:00Z").action,
      Action::kBlock);
}

TEST_F(JudgeTest, APassThatNamesNobodyIsForNobody) {
  AddPass()->clear_devices();
  EXPECT_EQ(Ask(*city_, "pupils", {"social"}, "2026-11-23T10:30:00Z").action,
            Action::kBlock);
  overlays_.mutable_passes(0)->add_groups("pupils");
  EXPECT_EQ(Ask(*city_, "ks2", {"social"}, "2026-11-23T10:30:00Z").action,
            Action::kAllow);
  EXPECT_EQ(Ask(*city_, "staff", {"social"}, "2026-11-23T10:30:00Z").action,
            Action::kBlock);
}

TEST_F(JudgeTest, OffSiteTheAnswerStaysAndOnlyTheListedIsLogged) {
  const auto away = [&](const char* id) {
    return Ask(*city_, "staff", {id}, "2026-11-23T19:00:00Z", "",
               "www.site.example", Place::kOffsite);
  };
  EXPECT_EQ(away("shopping").action, Action::kBlock);
  EXPECT_FALSE(away("shopping").logged);
  EXPECT_EQ(away("adult").action, Action::kBlock);
  EXPECT_TRUE(away("adult").logged);
  EXPECT_TRUE(away("child-abuse").logged);
  // A record that may not be kept is no record.
  EXPECT_EQ(away("private-business").action, Action::kAllow);
  EXPECT_TRUE(
      Ask(*city_, "staff", {"shopping"}, "2026-11-23T10:00:00Z").logged);
}

TEST_F(JudgeTest, PoliticalOpinionAndWhatIsAllowedAreNeverLogged) {
  const Decision party =
      Ask(*city_, "staff", {"politics"}, "2026-11-23T10:00:00Z");
  EXPECT_EQ(party.action, Action::kBlock);
  EXPECT_FALSE(party.logged);
  EXPECT_FALSE(Ask(*city_, "staff", {"news"}, "2026-11-23T10:00:00Z").logged);
  // Nor the names that a child's allow-list keeps out.
  EXPECT_FALSE(Ask(*city_, "ks1", {}, "2026-11-23T10:00:00Z").logged);
}

TEST_F(JudgeTest, AClockThatIsCenturiesOffStillGetsAnAnswer) {
  Question question;
  question.host = "www.site.example";
  question.group = "pupils";
  for (const absl::Time at :
       {absl::InfinitePast(), absl::UnixEpoch(), absl::InfiniteFuture()}) {
    question.at = at;
    EXPECT_EQ(
        Judge(*city_, overlays_, question.host, {"gambling", "video"}, question)
            .action,
        Action::kBlock);
  }
}

TEST_F(JudgeTest, CategoriesThatThePolicyDoesNotKnowOpenNothing) {
  EXPECT_EQ(Ask(*trust_, "ks1", {"ads"}, "2026-11-23T10:00:00Z").action,
            Action::kBlock);
  EXPECT_EQ(Ask(*city_, "staff", {"ads"}, "2026-11-23T10:00:00Z").action,
            Action::kAllow);
}

}  // namespace
}  // namespace schoolgate::rules
