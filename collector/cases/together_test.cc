#include "collector/cases/together.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/cases/case_book.h"
#include "collector/detect/school.h"

namespace schoolgate::collector {
namespace {

using absl::Minutes;

Finding Trouble(const std::string& device, absl::Duration after,
                const std::string& rule = "agent_stopped",
                const std::string& kind = "") {
  Finding finding;
  finding.school = "oak";
  finding.rule = rule;
  finding.severity = v1::SEVERITY_RULE_BREAK;
  finding.subject = finding.device = device;
  finding.first = finding.last = School::Start() + after;
  finding.count = 1;
  finding.key = absl::StrCat("oak|", device, "|", rule, kind);
  v1::AlertEvidence& line = finding.evidence.emplace_back();
  line.set_time_unix_us(absl::ToUnixMicros(finding.first));
  line.set_sentence("Monitoring was stopped.");
  line.set_device(device);
  line.set_count(1);
  return finding;
}

class TogetherTest : public testing::Test {
 protected:
  TogetherTest() {
    std::string pattern = testing::TempDir() + "together-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    store_ = *OpenSqliteAlertStore(folder_ + "/collector.sqlite");
  }
  ~TogetherTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // What these raise or change.
  std::vector<v1::Alert> Apply(const std::vector<Finding>& findings) {
    CaseBook book(*store_, {absl::UTCTimeZone(), [](const std::string& d) {
                              return "laptop-" + d.substr(2);
                            }});
    auto changed = book.Apply(findings, School::Start());
    EXPECT_TRUE(changed.ok()) << changed.status();
    return changed.ok() ? *changed : std::vector<v1::Alert>();
  }
  std::vector<v1::Alert> All() {
    auto all = store_->Find({});
    return all.ok() ? *all : std::vector<v1::Alert>();
  }
  void Close(uint64_t id) {
    ASSERT_TRUE(store_
                    ->Update(id,
                             [](v1::Alert* alert) {
                               alert->set_state(v1::ALERT_STATE_CLOSED);
                               return absl::OkStatus();
                             })
                    .ok());
  }

  std::string folder_;
  std::unique_ptr<AlertStore> store_;
};

// Maintenance of a room would be an alert for each computer in it.
TEST_F(TogetherTest, DevicesStoppedTogetherAreOneAlertThatNamesThem) {
  const std::vector<Finding> stops = {Trouble("D-3", Minutes(0)),
                                      Trouble("D-7", Minutes(4)),
                                      Trouble("D-12", Minutes(9))};
  Apply(stops);
  const auto alerts = All();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].sentence(),
            "Monitoring on 3 devices (laptop-12, laptop-3 and laptop-7) was "
            "stopped between 10:00 and 10:09 on Tuesday 24 November 2026 while "
            "the computers stayed on.");
  EXPECT_EQ(alerts[0].subject(), "D-3");
  ASSERT_EQ(alerts[0].evidence_size(), 3);
  EXPECT_EQ(alerts[0].evidence(1).sentence(),
            "laptop-7: Monitoring was stopped.");
  EXPECT_TRUE(Apply(stops).empty()) << "told again";
  EXPECT_TRUE(Apply({stops[2], stops[0], stops[1]}).empty());
}

// One who stops theirs while nobody else does would hide behind the others.
TEST_F(TogetherTest, WhatComesAtAnotherTimeOrIsOtherTroubleIsItsOwnAlert) {
  Apply({Trouble("D-3", Minutes(0)), Trouble("D-7", Minutes(11)),
         Trouble("D-8", Minutes(1), "tamper", "|proxy"),
         Trouble("D-9", Minutes(1), "tamper", "|root_cert")});
  const auto alerts = All();
  ASSERT_EQ(alerts.size(), 4u);
  for (const v1::Alert& alert : alerts) {
    EXPECT_EQ(alert.sentence().find("devices"), std::string::npos)
        << alert.sentence();
  }
}

TEST_F(TogetherTest, EachOfThemGoesOnInTheSameAlert) {
  Apply({Trouble("D-3", Minutes(0)), Trouble("D-7", Minutes(4))});
  const auto again = Apply({Trouble("D-7", absl::Hours(24))});
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].count(), 3u);
  EXPECT_NE(again[0].sentence().find(", 3 times in all, between 10:00"),
            std::string::npos)
      << again[0].sentence();
  EXPECT_EQ(All().size(), 1u);
}

// What happened after somebody closed it would be closed with it; and a
// collector that starts anew would open what is closed.
TEST_F(TogetherTest, WhatWasClosedTakesNoOtherDeviceAndStaysClosed) {
  const std::vector<Finding> stops = {Trouble("D-3", Minutes(0)),
                                      Trouble("D-7", Minutes(4))};
  Apply(stops);
  Close(All()[0].id());
  EXPECT_TRUE(Apply(stops).empty());
  const auto fresh = Apply({Trouble("D-9", Minutes(6))});
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0].evidence_size(), 1);
  EXPECT_EQ(All().size(), 2u);
}

// A holiday would be an alert for each laptop of the school.
TEST_F(TogetherTest, DevicesSilentSinceTheSameDayAreOneAlert) {
  std::vector<Finding> silent;
  for (int i = 1; i <= 8; ++i) {
    silent.push_back(
        Trouble(absl::StrCat("D-", i), Minutes(45 * i), "silent_device"));
    silent.back().detail = "10 hours";
  }
  Apply(silent);
  const auto alerts = All();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].sentence(),
            "8 devices (laptop-1, laptop-2, laptop-3, laptop-4, laptop-5 and 3 "
            "more) were last heard from between 10:45 and 16:00 on Tuesday 24 "
            "November 2026; 10 hours of school time have passed since.");
  EXPECT_EQ(alerts[0].evidence_size(), 8);
  Apply({Trouble("D-20", absl::Hours(24), "silent_device")});
  EXPECT_EQ(All().size(), 2u);
}

// "100 devices" of a school where 130 are silent would be wrong.
TEST_F(TogetherTest, MoreDevicesThanAnAlertHasLinesAreSaidToBeMore) {
  std::vector<Finding> silent;
  for (int i = 1; i <= 130; ++i) {
    silent.push_back(
        Trouble(absl::StrCat("D-", i), Minutes(i), "silent_device"));
  }
  Apply(silent);
  const auto alerts = All();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].evidence_size(), 100);
  EXPECT_EQ(alerts[0].sentence().find("100 devices or more ("), 0u)
      << alerts[0].sentence();
  EXPECT_TRUE(Apply(silent).empty());
}

}  // namespace
}  // namespace schoolgate::collector
