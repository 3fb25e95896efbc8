// A school would be let down if a row of its paper policy did not come true
// on the device: each row that a host shows is asked here.
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "rules/judge.h"
#include "rules/policy/compile.h"

namespace schoolgate::rules {
namespace {

using Words = std::vector<std::string>;

std::shared_ptr<const PolicyTables> Load(const std::string& school) {
  const std::string path =
      absl::StrCat("rules/policies/", school, "-primary.yaml");
  const auto policy = CompilePolicyFile(path);
  EXPECT_TRUE(policy.ok()) << policy.status().message();
  if (!policy.ok()) return nullptr;
  return *PolicyTables::Make(*policy);
}

struct Row {
  int line = 0;
  Words cells;
};

class Coverage : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* school : {"city", "trust", "grid", "village", "county"}) {
      schools_[school] = Load(school);
      ASSERT_NE(schools_[school], nullptr);
    }
    std::ifstream file("rules/policy/coverage/decisions.tsv");
    ASSERT_TRUE(file.good());
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      const Words cells = absl::StrSplit(line, '\t');
      if (absl::StartsWith(line, "# @")) {
        ASSERT_EQ(cells.size(), 2) << number;
        ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, cells[1],
                                    &times_[cells[0].substr(3)], nullptr));
      } else if (!absl::StartsWith(line, "#")) {
        ASSERT_EQ(cells.size(), 9) << number;
        rows_.push_back({number, cells});
      }
    }
  }

  static Words List(const std::string& cell) {
    return absl::StrSplit(cell, ',');
  }

  Decision Ask(const std::string& school, const std::string& group,
               const std::string& user, const std::string& asked,
               const std::string& time, const std::string& place) {
    Question question;
    question.group = group;
    if (user != "-") question.user = user;
    question.at = times_.at(time);
    question.place = place == "offsite" ? Place::kOffsite : Place::kOnsite;
    const bool plain = asked[0] == '=';
    const std::string host =
        plain ? asked.substr(1) : asked + ".check.schoolgate.test";
    question.host = host;
    return Judge(*schools_.at(school), v1::Overlays(), host,
                 plain ? Words{} : Words{asked}, question);
  }

  static std::string Answer(const Decision& decision) {
    return absl::StrCat(std::string(ActionName(decision.action)),
                        decision.locked ? " locked" : "",
                        decision.never_log ? " never-log" : "");
  }

  std::map<std::string, std::shared_ptr<const PolicyTables>> schools_;
  std::map<std::string, absl::Time> times_;
  std::vector<Row> rows_;
};

TEST_F(Coverage, EveryRowOfTheTableHolds) {
  int asked_in_all = 0;
  for (const auto& [line, cells] : rows_) {
    for (const auto& school : List(cells[1])) {
      for (const auto& group : List(cells[2])) {
        for (const auto& asked : List(cells[4])) {
          for (const auto& time : List(cells[5])) {
            for (const auto& place : List(cells[6])) {
              const Decision decision =
                  Ask(school, group, cells[3], asked, time, place);
              const std::string where =
                  absl::StrCat("decisions.tsv:", line, " ", cells[0], " ",
                               school, " ", group, " ", asked, " ", time, " ",
                               place, ": ", decision.reason);
              EXPECT_EQ(Answer(decision), cells[7]) << where;
              if (cells[8] != "-") {
                EXPECT_TRUE(absl::StartsWith(decision.clause, cells[8]))
                    << where << "\n  cited " << decision.clause;
              }
              EXPECT_FALSE(decision.rule.empty()) << where;
              EXPECT_FALSE(decision.reason.empty()) << where;
              ++asked_in_all;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(asked_in_all, 10'000);
}

// Somebody who is not known must never get more than the strictest group.
TEST_F(Coverage, AnUnknownGroupGetsTheStrictestAnswerEverywhere) {
  for (const auto& [school, tables] : schools_) {
    for (const v1::PolicyCategory& category : tables->policy().categories()) {
      for (const auto& [time, at] : times_) {
        Action strictest = Action::kAllow;
        for (const v1::PolicyGroup& group : tables->policy().groups()) {
          strictest = std::max(strictest, Ask(school, group.id(), "-",
                                              category.id(), time, "onsite")
                                              .action);
        }
        EXPECT_EQ(
            Ask(school, "nobody", "-", category.id(), time, "onsite").action,
            strictest)
            << school << " " << category.id() << " " << time;
      }
    }
  }
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What is wrong with "path (TestName)"; empty when the test is there.
std::string WrongTest(const std::string& said) {
  const Words parts = absl::StrSplit(said, absl::MaxSplits(" (", 1));
  const std::string text = ReadAll(parts[0]);
  if (text.empty()) return absl::StrCat("no file ", parts[0]);
  if (parts.size() == 1) return "";
  const std::string name = parts[1].substr(0, parts[1].size() - 1);
  return absl::StrContains(text, name)
             ? ""
             : absl::StrCat("no ", name, " in ", parts[0]);
}

// What is wrong with the last column of a row; empty when it stands.
std::string WrongBacking(const std::string& cell) {
  bool tests = false;
  for (const std::string& part : Words(absl::StrSplit(cell, "; "))) {
    const Words words = absl::StrSplit(part, absl::MaxSplits(": ", 1));
    const bool kind = words.size() == 2 && !words[1].empty();
    if (kind && (words[0] == "person" || words[0] == "missing" ||
                 words[0] == "decisions.tsv")) {
      tests = false;
    } else if (kind && (words[0] == "test" || words[0] == "text")) {
      tests = true;
      if (auto wrong = WrongTest(words[1]); !wrong.empty()) return wrong;
    } else if (tests) {
      if (auto wrong = WrongTest(part); !wrong.empty()) return wrong;
    } else {
      return absl::StrCat("\"", part, "\" is no test and no reason");
    }
  }
  return "";
}

// A row that nobody tests or explains is a promise that nobody keeps.
TEST_F(Coverage, EveryRowOfTheSourcesIsTestedOrExplained) {
  std::set<std::string> tested;
  for (const Row& row : rows_) tested.insert(row.cells[0]);
  std::ifstream file("docs/policy-coverage.md");
  ASSERT_TRUE(file.good());
  std::map<std::string, std::string> listed;
  std::string line;
  while (std::getline(file, line)) {
    const Words cells = absl::StrSplit(line, '|');
    if (cells.size() < 5) continue;
    const std::string id(absl::StripAsciiWhitespace(cells[1]));
    if (id.empty() || id == "Row" || id[0] == '-') continue;
    EXPECT_TRUE(listed.emplace(id, absl::StripAsciiWhitespace(cells[3])).second)
        << id << " stands twice";
  }
  const std::vector<std::pair<std::string, int>> series = {
      {"U", 22}, {"M", 10}, {"SP", 16}, {"SS", 16}, {"X", 26}, {"R", 14},
      {"C", 5},  {"E", 22}, {"I", 15},  {"L", 18},  {"F", 12}, {"D", 15},
      {"A", 9},  {"P", 22}, {"T", 10},  {"Z", 19}};
  for (const auto& [letter, count] : series) {
    for (int i = 1; i <= count; ++i) {
      const std::string id = absl::StrCat(letter, i);
      ASSERT_EQ(listed.count(id), 1) << id << " is missing";
      const bool says_tested = absl::StrContains(listed[id], "decisions.tsv");
      EXPECT_EQ(says_tested, tested.count(id) > 0) << id;
      EXPECT_EQ(WrongBacking(listed[id]), "") << id;
    }
  }
}

}  // namespace
}  // namespace schoolgate::rules
