#include "collector/cases/case_book.h"

#include <cctype>
#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "collector/cases/routing.h"
#include "collector/cases/sanctions.h"
#include "collector/detect/detector.h"
#include "collector/detect/school.h"
#include "collector/store/device_store.h"
#include "gtest/gtest.h"

namespace schoolgate::collector {
namespace {

using absl::Minutes;

class CaseBookTest : public testing::Test {
 protected:
  CaseBookTest() {
    std::string pattern = testing::TempDir() + "cases-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    auto store = OpenSqliteAlertStore(folder_ + "/collector.sqlite");
    if (store.ok()) store_ = *std::move(store);
  }
  ~CaseBookTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void SetUp() override { ASSERT_NE(store_, nullptr); }

  std::vector<v1::Alert> Apply(const std::vector<StoredEvent>& events) {
    CaseBook book(*store_, {absl::UTCTimeZone(), [](const std::string& d) {
                              return "laptop-" + d;
                            }});
    auto changed = book.Apply(detector_.OnEvents(events, School::Start()),
                              School::Start());
    EXPECT_TRUE(changed.ok()) << changed.status();
    return changed.ok() ? *changed : std::vector<v1::Alert>();
  }

  std::string folder_;
  std::unique_ptr<AlertStore> store_;
  Detector detector_;
};

School TwoBets() {
  School school;
  school.Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  school.After(Minutes(23)).Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
  return school;
}

TEST_F(CaseBookTest, TheSentenceSaysWhoWhatWhenAndHowOften) {
  auto alerts = Apply(TwoBets().events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].title(), "Repeated tries: gambling sites");
  EXPECT_EQ(alerts[0].sentence(),
            "Pupil P-7F3AQ2 tried to reach 2 gambling sites (www.bet.test and "
            "www.dice.test) twice between 10:00 and 10:23 on Tuesday 24 "
            "November 2026; each try was blocked.");
  EXPECT_EQ(alerts[0].why(),
            "Each looked as if a person opened the site: it came by itself, "
            "not as part of another page. A browser's own retries are counted "
            "once.");
  EXPECT_EQ(alerts[0].evidence(0).sentence(),
            "Tried to reach www.bet.test; it was blocked (first host contacted "
            "after a pause).");
  EXPECT_NE(alerts[0].next_step().find("class teacher; warning"),
            std::string::npos);
}

TEST_F(CaseBookTest, MoreOfTheSameGrowsTheAlertAndTellsItOnce) {
  School school = TwoBets();
  auto first = Apply(school.events());
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(Apply(school.events()).empty());
  School more;
  more.On("D-2")
      .At(School::Start() + absl::Hours(24))
      .Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  auto second = Apply(more.events());
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].id(), first[0].id());
  EXPECT_GT(second[0].revision(), first[0].revision());
  EXPECT_EQ(second[0].count(), 3u);
  EXPECT_EQ(second[0].evidence_size(), 3);
}

// Otherwise the two wait for each other: the devices for the file, which the
// alerts have locked, and the alerts for the devices.
TEST_F(CaseBookTest, TheDeviceIsNamedWhileTheAlertsAreNotLocked) {
  auto devices = OpenSqliteDeviceStore(folder_ + "/collector.sqlite");
  ASSERT_TRUE(devices.ok()) << devices.status();
  School school = TwoBets();
  Device device;
  device.id = school.events()[0].device;
  device.hostname = "laptop-12";
  ASSERT_TRUE((*devices)->Put(device).ok());
  absl::Status asked;
  CaseBook book(*store_, {absl::UTCTimeZone(), [&](const std::string& id) {
                            const auto found = (*devices)->Get(id);
                            asked.Update(found.status());
                            return found.ok() ? found->hostname : "";
                          }});
  for (int time = 0; time < 2; ++time) {
    school.After(Minutes(23))
        .Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
    const auto changed = book.Apply(
        detector_.OnEvents(school.events(), School::Start()), School::Start());
    ASSERT_TRUE(changed.ok()) << changed.status();
    ASSERT_EQ(changed->size(), 1u);
    EXPECT_EQ((*changed)[0].device_name(), "laptop-12");
  }
  EXPECT_TRUE(asked.ok()) << asked;
}

TEST_F(CaseBookTest, InTheMiddleOfAChangeNoOtherStoreOfTheFileIsToBeHad) {
  auto devices = OpenSqliteDeviceStore(folder_ + "/collector.sqlite");
  ASSERT_TRUE(devices.ok()) << devices.status();
  const auto alert = store_->Put(v1::Alert());
  ASSERT_TRUE(alert.ok()) << alert.status();
  absl::Status asked;
  const auto changed = store_->Update(alert->id(), [&](v1::Alert*) {
    asked = (*devices)->All("").status();
    return absl::OkStatus();
  });
  EXPECT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(asked.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE((*devices)->All("").ok());
}

TEST_F(CaseBookTest, AFreshDetectorOverTheSameEventsChangesNothing) {
  School school = TwoBets();
  ASSERT_EQ(Apply(school.events()).size(), 1u);
  detector_ = Detector();
  EXPECT_TRUE(Apply(school.events()).empty());
}

TEST_F(CaseBookTest, AClosedAlertOpensAgainOnlyForNewEvidence) {
  School school = TwoBets();
  uint64_t id = Apply(school.events())[0].id();
  ASSERT_TRUE(store_
                  ->Update(id,
                           [](v1::Alert* alert) {
                             alert->set_state(v1::ALERT_STATE_CLOSED);
                             return absl::OkStatus();
                           })
                  .ok());
  detector_ = Detector();
  EXPECT_TRUE(Apply(school.events()).empty());
  school.After(absl::Hours(1))
      .Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].id(), id);
  EXPECT_EQ(alerts[0].state(), v1::ALERT_STATE_NEW);
  EXPECT_EQ(alerts[0].notes_size(), 1);
}

// Of one day it is the digest's; more on that day is nothing new, on another
// day it is an alert, which somebody who had seen the first has not seen.
TEST_F(CaseBookTest, WhatWasSeenInTheDigestIsNewAsAnAlert) {
  School school;
  const auto play = [&] {
    school.After(Minutes(23)).Episode("play.test", "games", v1::GRADE_ATTEMPT);
    auto alerts = Apply(school.events());
    return alerts.empty() ? v1::Alert() : alerts[0];
  };
  play();
  play();
  const v1::Alert thin = play();
  ASSERT_EQ(thin.rule(), kThinPattern);
  ASSERT_TRUE(store_
                  ->Update(thin.id(),
                           [](v1::Alert* alert) {
                             alert->set_state(v1::ALERT_STATE_SEEN);
                             return absl::OkStatus();
                           })
                  .ok());
  const v1::Alert more = play();
  EXPECT_EQ(more.rule(), kThinPattern);
  EXPECT_EQ(more.state(), v1::ALERT_STATE_SEEN);
  school.At(School::Start() + absl::Hours(24));
  const v1::Alert alert = play();
  EXPECT_EQ(alert.id(), thin.id());
  EXPECT_NE(alert.rule(), kThinPattern);
  EXPECT_EQ(alert.state(), v1::ALERT_STATE_NEW);
}

TEST_F(CaseBookTest, SealedMaterialNamesNoHostAndSaysWhatToDo) {
  School school;
  school.Contact("secret.test", "child-abuse");
  school.events().back().event.mutable_contact()->set_locked(true);
  auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].SerializeAsString().find("secret"), std::string::npos);
  EXPECT_NE(alerts[0].next_step().find("call the police"), std::string::npos);
}

TEST_F(CaseBookTest, PoliceIsNeverProposedWithoutAPerson) {
  School school;
  school.Episode("adult.test", "adult", v1::GRADE_OPENED);
  auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].next_step().find("Ask first"), 0u);
  EXPECT_NE(alerts[0].next_step().find("needs a person's own reason"),
            std::string::npos);
}

TEST_F(CaseBookTest, ASelfReportChangesTheWords) {
  School school = TwoBets();
  v1::Event report;
  report.mutable_self_report()->set_host("www.bet.test");
  report.mutable_self_report()->set_kind(v1::SelfReport::KIND_ACCIDENT);
  school.After(Minutes(3)).Add(report);
  auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].in_favour().find("The person reported this"), 0u);
  EXPECT_EQ(alerts[0].next_step().find("Ask first"), 0u);
}

TEST_F(CaseBookTest, WelfareIsKeptOutOfSanctions) {
  School school;
  school.Episode("harm.test", "self-harm", v1::GRADE_OPENED);
  auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_NE(alerts[0].next_step().find("welfare"), std::string::npos);
  EXPECT_EQ(alerts[0].next_step().find("sanction row"), std::string::npos);
}

// Every alert of many made-up weeks: the numbers in its sentence are those of
// its stored evidence, and no word claims what a device cannot know.
TEST_F(CaseBookTest, NumbersAreTheEvidenceAndWordsClaimNothingMore) {
  int alerts_seen = 0;
  for (int seed = 0; seed < 40; ++seed) {
    School school;
    school.By(absl::StrCat("P-", seed));
    const char* categories[] = {"adult", "gambling", "social", "bypass"};
    std::string category = categories[seed % 4];
    for (int i = 0; i <= seed % 9; ++i) {
      school.After(Minutes(2 + seed))
          .Episode(absl::StrCat("site", (i * seed) % 5, ".test"), category,
                   (i + seed) % 3 ? v1::GRADE_ATTEMPT : v1::GRADE_OPENED);
    }
    for (const v1::Alert& alert : Apply(school.events())) {
      ++alerts_seen;
      std::set<std::string> hosts;
      uint32_t count = 0;
      for (const auto& line : alert.evidence()) {
        hosts.insert(line.host());
        count += line.count();
      }
      EXPECT_EQ(alert.count(), count);
      std::string often = count == 1   ? " once "
                          : count == 2 ? " twice "
                                       : absl::StrCat(" ", count, " times ");
      EXPECT_NE(alert.sentence().find(often), std::string::npos)
          << alert.sentence();
      if (hosts.size() > 1) {
        EXPECT_NE(alert.sentence().find(absl::StrCat(" ", hosts.size(), " ")),
                  std::string::npos)
            << alert.sentence();
      }
      for (const char* word : {"visited", "URL", "searched", "browsed"}) {
        EXPECT_EQ(alert.DebugString().find(word), std::string::npos) << word;
      }
    }
  }
  EXPECT_GT(alerts_seen, 20);
}

TEST(Routing, TheSubjectNeverSeesTheirOwnAlert) {
  std::vector<Account> people;
  for (Role role : {Role::kItProvider, Role::kSafetyLead, Role::kDeputy,
                    Role::kHead, Role::kSecondSenior, Role::kGovernor}) {
    Account account;
    account.role = role;
    account.own_pseudonym = absl::StrCat("P-", static_cast<int>(role));
    people.push_back(account);
  }
  for (const Account& subject : people) {
    v1::Alert alert;
    alert.set_rule("repeated_blocked");
    alert.set_subject(subject.own_pseudonym);
    alert.set_group("staff");
    int readers = 0;
    for (const Account& viewer : people) {
      bool may = MaySee(alert, viewer, people);
      readers += may;
      if (viewer.own_pseudonym == subject.own_pseudonym) {
        EXPECT_FALSE(may);
      }
    }
    EXPECT_EQ(readers, 1) << "exactly the head, or who stands in";
  }
}

TEST(Sanctions, StaffAndPupilsHaveTheirOwnRows) {
  EXPECT_EQ(SanctionRowFor({"bypass", false})->id, "SP13");
  EXPECT_EQ(SanctionRowFor({"bypass", true})->id, "SS12");
  EXPECT_EQ(SanctionRowFor({"social", false})->id, "SP4");
  EXPECT_EQ(SanctionRowFor({"gambling", true})->id, "SS2");
  EXPECT_TRUE(SanctionRowFor({"adult", true})->police);
  EXPECT_EQ(SanctionRowFor({"suicide", false}), nullptr);
}

// The owner of a staff account may be the victim of who used it.
TEST_F(CaseBookTest, AMisusedAccountAccusesNobody) {
  School school;
  school.By("P-TEACHR", "staff");
  for (int i = 0; i < 2; ++i) {
    school.After(Minutes(11)).Episode("bet.test", "gambling", v1::GRADE_LANDED);
  }
  detector_.OnEvents(school.events(), School::Start());
  Device device;
  device.id = "D-1";
  device.school = "oak";
  device.group = "ks2";
  CaseBook book(*store_, {absl::UTCTimeZone(), nullptr});
  const auto alerts = book.Apply(
      detector_.OnTick(School::Start(), std::vector{device}), School::Start());
  ASSERT_TRUE(alerts.ok());
  ASSERT_EQ(alerts->size(), 1u);
  const v1::Alert& alert = alerts->front();
  EXPECT_EQ(alert.subject(), "D-1");
  EXPECT_EQ(alert.sentence(),
            "The staff account P-TEACHR was used on the pupils' device D-1 "
            "between 10:11 and 10:22 on Tuesday 24 November 2026.");
  EXPECT_NE(alert.in_favour().find("logged in there themselves"),
            std::string::npos);
  EXPECT_NE(alert.next_step().find("Ask first"), std::string::npos);
  EXPECT_EQ(alert.next_step().find("non-educational"), std::string::npos);
}

TEST_F(CaseBookTest, AClassThatWasBlockedTriedToReachIt) {
  School school;
  for (int i = 0; i < 5; ++i) {
    school.On(absl::StrCat("D-", i))
        .By(absl::StrCat("P-", i))
        .After(Minutes(1))
        .Episode("play.test", "games", v1::GRADE_ATTEMPT);
  }
  const auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].sentence(),
            "5 devices tried to reach play.test (a games site) between 10:01 "
            "and 10:05 on Tuesday 24 November 2026; each try was blocked.");
}

// "Monitoring was stopped on the device on device laptop-12" reads like a fault
// of the program that says it.
TEST_F(CaseBookTest, WhatADeviceReportsIsSaidOnce) {
  School school;
  v1::Event event;
  event.mutable_tamper()->set_kind("proxy");
  school.Add(event);
  const auto alerts = Apply(school.events());
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].sentence(),
            absl::StrCat("Device ", alerts[0].device_name(),
                         " reported at 10:00 on Tuesday 24 November 2026: a "
                         "network proxy was set on the device."));
  // No word of the program's own, "root_cert", for a lead to make out.
  EXPECT_EQ(alerts[0].evidence(0).sentence(),
            "laptop-D-1: The device reported it.");
}

// "To be opened at 10:00" would be a wish that nobody had; and a pass for a
// lesson is no change of the rules.
TEST_F(CaseBookTest, ARequestSaysWhenItWasMadeAndWhereItIsDecided) {
  const auto asks = [&](const std::string& host, const std::string& words) {
    School school;
    v1::Event event;
    event.mutable_self_report()->set_kind(v1::SelfReport::KIND_SHOULD_OPEN);
    event.mutable_self_report()->set_host(host);
    event.mutable_self_report()->set_words(words);
    school.Add(event);
    const auto alerts = Apply(school.events());
    return alerts.size() == 1 ? alerts[0] : v1::Alert();
  };
  const v1::Alert pass =
      asks("game.test", "lesson pass for ks2: game.test: fractions");
  EXPECT_NE(pass.sentence().find(" asked at 10:00 on Tuesday 24 November 2026 "
                                 "for game.test to be opened."),
            std::string::npos)
      << pass.sentence();
  EXPECT_NE(pass.next_step().find("Lesson passes"), std::string::npos);
  const v1::Alert other = asks("maths.test", "homework");
  EXPECT_EQ(other.next_step().find("Lesson passes"), std::string::npos);
  EXPECT_NE(other.next_step().find("IT provider"), std::string::npos);
}

}  // namespace
}  // namespace schoolgate::collector
