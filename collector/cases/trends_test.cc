#include "collector/cases/trends.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

constexpr const char* kCategories[] = {"adult", "chat", "bypass", "gambling"};

absl::Time On(int month, int day, int hour = 10) {
  return absl::FromCivil(absl::CivilHour(2026, month, day, hour),
                         absl::UTCTimeZone());
}

v1::Alert AlertOf(absl::Time time, const std::string& category) {
  v1::Alert alert;
  alert.set_category(category);
  alert.set_raised_unix_us(absl::ToUnixMicros(time));
  alert.set_first_unix_us(absl::ToUnixMicros(time));
  return alert;
}

const ReportTable& Called(const Report& report, const std::string& title) {
  for (const ReportTable& table : report.tables) {
    if (table.title == title) return table;
  }
  ADD_FAILURE() << "no table " << title;
  return report.tables.front();
}

// A leader who compares two months must find each alert once in each division.
TEST(Trends, EachDivisionCountsEachAlertOnceInItsMonth) {
  std::vector<v1::Alert> alerts = {
      AlertOf(On(9, 3), "gambling"), AlertOf(On(9, 4), "adult"),
      AlertOf(On(11, 5, 20), "gambling"), AlertOf(On(11, 6), "")};
  alerts[0].set_group("ks2");
  alerts[0].mutable_incident()->set_where("Room 5");
  alerts[3].set_rule("silent_device");
  const Report report = TrendsReport(*ParsePeriod("2026-autumn"), alerts,
                                     On(11, 20), absl::UTCTimeZone(), nullptr);
  using Rows = std::vector<std::vector<std::string>>;
  const ReportTable& category = Called(report, "By category");
  EXPECT_EQ(category.columns,
            (std::vector<std::string>{"Category", "Sep 2026", "Oct 2026",
                                      "Nov 2026"}))
      << "December has not begun";
  EXPECT_TRUE(category.trend);
  EXPECT_EQ(category.rows[0],
            (std::vector<std::string>{"Gambling sites", "1", "0", "1"}));
  EXPECT_EQ(Called(report, "By area").rows, (Rows{{"Content", "1", "0", "0"},
                                                  {"Commerce", "1", "0", "1"},
                                                  {"Devices", "0", "0", "1"}}));
  EXPECT_EQ(
      Called(report, "By place, as the incident log has it").rows,
      (Rows{{"Not written down", "1", "0", "2"}, {"Room 5", "1", "0", "0"}}));
  EXPECT_EQ(Called(report, "By time of day").rows,
            (Rows{{"Morning, 09:00 to 12:00", "2", "0", "1"},
                  {"Evening, after 19:00", "0", "0", "1"}}));
  for (const ReportTable& table : report.tables) {
    uint64_t sum = 0;
    for (const auto& row : table.rows) {
      for (size_t i = 1; i < row.size(); ++i) sum += std::stoul(row[i]);
    }
    EXPECT_EQ(sum, alerts.size()) << table.title;
  }
}

// Otherwise one odd place a week makes a table that nobody reads.
TEST(Trends, WhatIsRareIsOneLine) {
  std::vector<v1::Alert> alerts;
  for (int i = 0; i < 50; ++i) {
    alerts.push_back(AlertOf(On(9, 1 + i % 28), "gambling"));
    alerts.back().mutable_incident()->set_where(absl::StrCat("Room ", i));
  }
  const Report report = TrendsReport(*ParsePeriod("2026-09"), alerts,
                                     On(10, 20), absl::UTCTimeZone(), nullptr);
  const ReportTable& place =
      Called(report, "By place, as the incident log has it");
  EXPECT_EQ(place.rows.size(), 30u);
  EXPECT_EQ(place.rows.back(), (std::vector<std::string>{"All others", "21"}));
}

// Two schools; all that anybody can ask about them over a year, side by side
// and each alone.
class Trust {
 public:
  using World = std::vector<std::vector<uint64_t>>;  // by month and area

  Trust(const World& oak, const World& elm) {
    alerts_["oak"] = AlertsOf(oak);
    alerts_["elm"] = AlertsOf(elm);
  }

  std::string AskAllYear() {
    std::string all;
    for (int month = 1; month <= 12; ++month) {
      for (const int day : {1, 8, 20}) AskAll(On(month, day), &all);
    }
    return all;
  }

 private:
  static std::vector<v1::Alert> AlertsOf(const World& world) {
    std::vector<v1::Alert> alerts;
    for (size_t month = 0; month < world.size(); ++month) {
      for (size_t area = 0; area < world[month].size(); ++area) {
        for (uint64_t i = 0; i < world[month][area]; ++i) {
          alerts.push_back(AlertOf(
              On(static_cast<int>(month) + 1, 1 + static_cast<int>(i % 28)),
              kCategories[area]));
        }
      }
    }
    return alerts;
  }

  void AskAll(absl::Time now, std::string* all) {
    for (const char* id : {"2026-03", "2026-06", "2026-spring", "2026-summer",
                           "2026-autumn", "2025-year"}) {
      std::vector<SchoolFigures> schools;
      for (const char* school : {"oak", "elm"}) {
        const auto report =
            GovernorsReport(school, *ParsePeriod(id), alerts_[school], *store_,
                            now, absl::UTCTimeZone());
        ASSERT_TRUE(report.ok());
        absl::StrAppend(all, ReportJson(*report).dump());
        schools.push_back({school, *report});
      }
      Report together;
      together.tables = BySchool(schools);
      absl::StrAppend(all, ReportJson(together).dump(), ReportCsv(together));
    }
  }

  Scratch scratch_;
  std::unique_ptr<AgreementStore> store_ =
      OpenSqliteAgreementStore(scratch_.File("a.sqlite")).value();
  std::map<std::string, std::vector<v1::Alert>> alerts_;
};

Trust::World Random(std::mt19937& random) {
  Trust::World world(8, std::vector<uint64_t>(4));
  for (auto& month : world) {
    for (uint64_t& count : month) count = random() % 14;
  }
  return world;
}

// Another number of the same band.
Trust::World Moved(const Trust::World& world, std::mt19937& random) {
  Trust::World moved = world;
  for (auto& month : moved) {
    for (uint64_t& count : month) count = count / 5 * 5 + random() % 5;
  }
  return moved;
}

// Whatever is asked and subtracted, also one school from the other: worlds that
// differ within the bands answer alike.
TEST(BySchool, NoCombinationOfAnswersSaysMoreThanTheBands) {
  std::mt19937 random(20261129);
  for (int round = 0; round < 6; ++round) {
    const Trust::World oak = Random(random), elm = Random(random);
    Trust one(oak, elm);
    Trust other(Moved(oak, random), Moved(elm, random));
    EXPECT_EQ(one.AskAllYear(), other.AskAllYear());
  }
}

TEST(BySchool, SchoolsStandSideBySideByArea) {
  Report figures;
  figures.tables.push_back(
      {.title = "Alerts by month and area",
       .note = "",
       .columns = {"Month", "Content", "Contact"},
       .rows = {{"September 2026", "5 to 9", "fewer than 5"}}});
  const std::vector<SchoolFigures> schools = {{"Oak", figures},
                                              {"Elm", figures}};
  const std::vector<ReportTable> tables = BySchool(schools);
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].title, "Content, by school");
  EXPECT_EQ(tables[0].columns,
            (std::vector<std::string>{"School", "September 2026"}));
  EXPECT_EQ(tables[0].rows[1], (std::vector<std::string>{"Elm", "5 to 9"}));
  EXPECT_TRUE(BySchool({}).empty());
}

}  // namespace
}  // namespace schoolgate::collector
