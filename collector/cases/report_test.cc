#include "collector/cases/report.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

constexpr const char* kCategories[] = {"adult", "chat", "bypass", "gambling"};

// How many alerts there are of each month and area.
using World = std::vector<std::vector<uint64_t>>;

v1::Alert AlertOf(absl::CivilMonth month, const std::string& category,
                  uint64_t number) {
  v1::Alert alert;
  alert.set_category(category);
  const absl::CivilHour hour(absl::CivilDay(month) + number % 28);
  alert.set_raised_unix_us(
      absl::ToUnixMicros(absl::FromCivil(hour + 9, absl::UTCTimeZone())));
  return alert;
}

std::vector<v1::Alert> AlertsOf(const World& world) {
  std::vector<v1::Alert> alerts;
  for (size_t month = 0; month < world.size(); ++month) {
    for (size_t area = 0; area < world[month].size(); ++area) {
      for (uint64_t i = 0; i < world[month][area]; ++i) {
        alerts.push_back(
            AlertOf(absl::CivilMonth(2026, 1) + month, kCategories[area], i));
      }
    }
  }
  return alerts;
}

absl::Time On(int month, int day) {
  return absl::FromCivil(absl::CivilDay(2026, month, day), absl::UTCTimeZone());
}

// All that a governor can be told: each period, at each moment of the year, on
// screen and as a file, whatever came in or was erased in between.
class Governor {
 public:
  explicit Governor(const std::vector<v1::Alert>& alerts)
      : store_(OpenSqliteAgreementStore(scratch_.File("a.sqlite")).value()),
        alerts_(alerts) {}

  std::string AskAll(absl::Time now) {
    std::string all;
    for (const char* id :
         {"2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06",
          "2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12",
          "2026-spring", "2026-summer", "2026-autumn", "2025-year"}) {
      const auto report = GovernorsReport("oak", *ParsePeriod(id), alerts_,
                                          *store_, now, absl::UTCTimeZone());
      EXPECT_TRUE(report.ok());
      absl::StrAppend(&all, ReportJson(*report).dump(), ReportCsv(*report));
    }
    return all;
  }

  std::string AskAllYear() {
    std::string all;
    for (int month = 1; month <= 12; ++month) {
      for (const int day : {1, 6, 8, 9, 20}) all += AskAll(On(month, day));
    }
    return all + AskAll(On(12, 31) + absl::Hours(24 * 60));
  }

  std::vector<v1::Alert>& alerts() { return alerts_; }

 private:
  Scratch scratch_;
  std::unique_ptr<AgreementStore> store_;
  std::vector<v1::Alert> alerts_;
};

// By subtracting one answer from another one person could be worked out. Two
// worlds whose numbers lie in the same bands give the same answers to all
// questions together: so no subtraction tells them apart.
TEST(GovernorsReport, NoCombinationOfAnswersSaysMoreThanTheBands) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 20; ++round) {
    World one(12, std::vector<uint64_t>(4)), other = one;
    for (size_t month = 0; month < 12; ++month) {
      for (size_t area = 0; area < 4; ++area) {
        const uint64_t band = dice() % 4;
        one[month][area] = band * 5 + dice() % 5;
        other[month][area] = band * 5 + dice() % 5;
      }
    }
    ASSERT_EQ(Governor(AlertsOf(one)).AskAllYear(),
              Governor(AlertsOf(other)).AskAllYear());
  }
}

// Asked before and after one more alert, the difference would be that one.
TEST(GovernorsReport, WhatWasPublishedStaysWhateverComesOrGoes) {
  World world(12, std::vector<uint64_t>(4, 4));
  Governor governor(AlertsOf(world));
  const std::string before = governor.AskAll(On(2, 8));
  EXPECT_NE(before.find("fewer than 5"), std::string::npos);
  governor.alerts().push_back(AlertOf(absl::CivilMonth(2026, 1), "adult", 3));
  EXPECT_EQ(governor.AskAll(On(2, 9)), before);
  governor.alerts().clear();
  EXPECT_EQ(governor.AskAll(On(2, 27)), before);
}

TEST(GovernorsReport, ARunningMonthIsNotShown) {
  World world(12, std::vector<uint64_t>(4, 20));
  Governor governor(AlertsOf(world));
  EXPECT_EQ(governor.AskAll(On(2, 7)).find("20 to 24"), std::string::npos);
  EXPECT_NE(governor.AskAll(On(2, 8)).find("20 to 24"), std::string::npos);
}

// The test of the bands would pass if nothing were ever said.
TEST(GovernorsReport, OtherBandsAreTold) {
  World one(12, std::vector<uint64_t>(4, 4)), other = one;
  other[3][2] = 5;
  EXPECT_NE(Governor(AlertsOf(one)).AskAllYear(),
            Governor(AlertsOf(other)).AskAllYear());
}

TEST(Periods, AreDaysThatPeopleMean) {
  const auto days = [](const char* id) {
    const auto period = ParsePeriod(id);
    return period.ok() ? absl::StrCat(absl::FormatCivilTime(period->first), " ",
                                      absl::FormatCivilTime(period->after))
                       : "none";
  };
  EXPECT_EQ(days("2026-11"), "2026-11-01 2026-12-01");
  EXPECT_EQ(days("2026-12"), "2026-12-01 2027-01-01");
  EXPECT_EQ(days("2026-autumn"), "2026-09-01 2027-01-01");
  EXPECT_EQ(days("2026-year"), "2026-09-01 2027-09-01");
  EXPECT_EQ(days("2026-W01"), "2025-12-29 2026-01-05");
  EXPECT_EQ(days("2026-W48"), "2026-11-23 2026-11-30");
  for (const char* wrong :
       {"", "2026", "2026-13", "2026-1", "2026-W54", "2026-11-01", "x-11"}) {
    EXPECT_EQ(days(wrong), "none") << wrong;
  }
}

TEST(LeadersReport, CountsWhatThereIsAndComparesWithBefore) {
  std::vector<v1::Alert> alerts = AlertsOf({{2, 0, 1, 0}});
  alerts[0].set_state(v1::ALERT_STATE_CLOSED);
  alerts[0].mutable_incident()->set_outcome("handled");
  const HourCount now = {.hour = On(1, 5) + absl::Hours(10),
                         .category = "gambling",
                         .contacts = 30};
  HourCount before = now;
  before.contacts = 20;
  const Report report =
      LeadersReport(*ParsePeriod("2026-01"), alerts, std::vector{now},
                    std::vector{before}, absl::UTCTimeZone());
  const auto rows = [&](size_t table) { return report.tables[table].rows; };
  EXPECT_EQ(rows(1), (std::vector<std::vector<std::string>>{{"Content", "2"},
                                                            {"Conduct", "1"}}));
  EXPECT_EQ(rows(3),
            (std::vector<std::vector<std::string>>{
                {"Not finished yet", "2"}, {"Dealt with in school", "1"}}));
  EXPECT_EQ(rows(4), (std::vector<std::vector<std::string>>{
                         {"Gambling sites", "20", "+50 %", "30"}}));
  EXPECT_EQ(rows(5), (std::vector<std::vector<std::string>>{{"10:00", "30"}}));
  EXPECT_EQ(rows(6),
            (std::vector<std::vector<std::string>>{{"29 Dec 2025", "3"}}));
  EXPECT_EQ(report.tables.back().title, "Alerts by category");
  EXPECT_EQ(report.tables.back().rows,
            (std::vector<std::vector<std::string>>{
                {"Adult sites", "2"}, {"Filter-bypass services", "1"}}));
}

// A head reads names of groups and the worst first, not ids by number.
TEST(LeadersReport, ReadsAsTheSchoolSpeaks) {
  v1::CompiledPolicy policy;
  auto* group = policy.add_groups();
  group->set_id("ks2");
  group->set_title("juniors");
  std::vector<v1::Alert> alerts = AlertsOf({{1, 0, 0, 1}});
  alerts.push_back(alerts[1]);
  for (v1::Alert& alert : alerts) {
    alert.set_group("ks2");
    alert.set_severity(v1::SEVERITY_ROUTINE);
  }
  alerts[0].set_severity(v1::SEVERITY_SERIOUS);
  alerts[0].set_group("staff");
  alerts[1].mutable_incident()->set_where("Library");
  const Report report = LeadersReport(*ParsePeriod("2026-01"), alerts, {}, {},
                                      absl::UTCTimeZone(), &policy);
  const auto rows = [&](const std::string& title) {
    for (const ReportTable& table : report.tables) {
      if (table.title == title) return table.rows;
    }
    return std::vector<std::vector<std::string>>();
  };
  using Rows = std::vector<std::vector<std::string>>;
  EXPECT_EQ(rows("Alerts by severity"),
            (Rows{{"Serious", "1"}, {"Routine", "2"}}));
  EXPECT_EQ(rows("Alerts by area"),
            (Rows{{"Content", "1"}, {"Commerce", "2"}}));
  EXPECT_EQ(rows("Alerts by group"), (Rows{{"Juniors", "2"}, {"Staff", "1"}}));
  EXPECT_EQ(rows("Alerts by day of the week"), (Rows{{"Thursday", "3"}}));
  EXPECT_EQ(rows("Alerts by place, as the incident log has it"),
            (Rows{{"Not written down", "2"}, {"Library", "1"}}));
}

}  // namespace
}  // namespace schoolgate::collector
