// A contradiction that nobody reports is decided by accident, on a child.
#include "rules/policy/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace schoolgate::rules {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

// Monday, 23 November 2026.
const absl::Time kNow = absl::FromUnixSeconds(1'795'428'000);

std::vector<Finding> CheckSchool(const std::string& school) {
  return CheckPolicyFile(
      absl::StrCat("rules/policies/", school, "-primary.yaml"), kNow);
}

TEST(Check, EveryTrapOfTheFivePoliciesIsFoundAndAnswered) {
  const std::map<std::string, std::string> expected = {
      {"city", "Z1 Z10 Z13 Z14 Z17 Z2 Z3 Z4 Z5 Z6 Z7 Z8 Z9"},
      {"trust", "Z12 Z17 Z5"},
      {"grid", "Z10 Z15 Z16 Z17 Z18 Z19"},
      {"village", "Z13 Z14 Z17 Z5 Z6"},
      {"county", "Z10 Z11 Z17 Z5"}};
  std::set<std::string> all;
  for (const auto& [school, traps] : expected) {
    std::set<std::string> found;
    for (const Finding& finding : CheckSchool(school)) {
      EXPECT_FALSE(finding.open())
          << finding.file << ":" << finding.line << " " << finding.what;
      EXPECT_NE(finding.kind, Finding::Kind::kWarning)
          << finding.file << ":" << finding.line << " " << finding.what;
      EXPECT_GT(finding.line, 0) << finding.what;
      if (finding.kind == Finding::Kind::kTrap) found.insert(finding.id);
    }
    const std::vector<std::string> wanted = absl::StrSplit(traps, ' ');
    EXPECT_THAT(found, ElementsAreArray(wanted)) << school;
    all.insert(found.begin(), found.end());
  }
  EXPECT_EQ(all.size(), 19);
}

// P2 blocks shopping for everybody in one sentence and for pupils in another.
TEST(Check, TwoSentencesForDifferentPeopleAreAContradiction) {
  const auto findings = CheckSchool("grid");
  EXPECT_TRUE(
      std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.kind == Finding::Kind::kContradiction &&
               finding.id == "pupils-or-everybody" && !finding.choice.empty();
      }));
}

TEST(Check, EveryPlantedContradictionIsFoundOnItsLine) {
  struct Planted {
    int line;
    const char* id;
    const char* says;
  };
  const std::vector<Planted> planted = {
      {8, "terms", "overlap"},
      {11, "", "lie in no term"},
      {14, "", "no rule uses it"},
      {18, "Z4", "Social media is forbidden"},
      {20, "games", "Games at lunch"},
      {24, "", "the nomination of old.user is over"},
      {25, "", "nobody is on it"},
      {29, "h1/h2", "says block"},
      {30, "h3/never-log", "no effect"},
      {32, "m1/U1", "but its clause U1"},
      {34, "m2/m3", "both speak about games for pupils"},
      {43, "m4/exceptions", "never reached"},
      {44, "m4/exceptions", "never reached"},
      {44, "", "says what the rule says anyway"},
      {47, "Z9", "no human reason"},
      {48, "Z8", "no head"},
      {52, "Z16", "held by nobody"},
      {53, "Z17", "nobody is named"},
      {53, "conflict-of-interest", "dsl, it_admin"},
      {54, "two-people", "the.head alone"},
      {55, "route/role:head", "the.head holds too"},
      {56, "route/staff", "nobody holds"},
      {57, "retention", "less time"},
      {61, "Z15", "contact, conduct, commerce"},
      {62, "Z19", "18:00"},
      {64, "Z2", "Not allowed"},
      {65, "Z7", "warning"},
      {67, "Z10", "superseded"},
      {68, "Z11", "not offered"},
      {70, "Z14", "Chart"},
      {73, "", "answers nothing"},
      {75, "", "the restriction of gone.pupil is over"},
      {76, "", "the restriction of pupils lasts more than a term"},
  };
  const auto findings =
      CheckPolicyFile("rules/policy/testdata/planted.yaml", kNow);
  std::vector<bool> expected(findings.size(), false);
  for (const Planted& one : planted) {
    bool found = false;
    for (size_t i = 0; i < findings.size(); ++i) {
      if (findings[i].line != one.line || findings[i].id != one.id ||
          !absl::StrContains(findings[i].what, one.says)) {
        continue;
      }
      found = expected[i] = true;
    }
    EXPECT_TRUE(found) << one.line << " " << one.id << " " << one.says;
  }
  for (size_t i = 0; i < findings.size(); ++i) {
    EXPECT_TRUE(expected[i]) << "not planted: line " << findings[i].line << " "
                             << findings[i].id << ": " << findings[i].what;
    const bool settled =
        findings[i].id == "Z2" || findings[i].kind == Finding::Kind::kWarning;
    EXPECT_EQ(findings[i].open(), !settled) << findings[i].what;
  }
}

TEST(Check, APolicyThatDoesNotCompileIsReportedAsItsMistakes) {
  const auto findings =
      CheckPolicyFile("rules/policy/testdata/mistakes.yaml", kNow);
  EXPECT_GT(findings.size(), 30);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.kind, Finding::Kind::kMistake);
    EXPECT_TRUE(finding.open());
  }
}

}  // namespace
}  // namespace schoolgate::rules
