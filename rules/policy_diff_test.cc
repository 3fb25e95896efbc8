// A head teacher signs what the comparison says; what it leaves out is signed
// unseen.
#include "rules/policy_diff.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rules/policy/compile.h"
#include "rules/policy/explain.h"

namespace schoolgate::rules {
namespace {

// Monday, 23 November 2026, 00:00 UTC.
const absl::Time kFrom = absl::FromUnixSeconds(1'795'392'000);

v1::CompiledPolicy Load(const std::string& school) {
  const auto policy = CompilePolicyFile(
      absl::StrCat("rules/policies/", school, "-primary.yaml"));
  EXPECT_TRUE(policy.ok()) << policy.status().message();
  return *policy;
}

std::vector<PolicyChange> Compare(const v1::CompiledPolicy& before,
                                  const v1::CompiledPolicy& after) {
  return ComparePolicies(**PolicyTables::Make(before),
                         **PolicyTables::Make(after), kFrom);
}

v1::PolicyRule* Row(v1::CompiledPolicy* policy, const std::string& id) {
  for (v1::PolicyRule& rule : *policy->mutable_matrix()) {
    if (rule.id() == id) return &rule;
  }
  return nullptr;
}

TEST(PolicyDiff, ThePolicyItselfChangesNothing) {
  EXPECT_TRUE(Compare(Load("city"), Load("city")).empty());
}

TEST(PolicyDiff, OpeningACategoryIsLooserForThoseWhomItOpens) {
  const v1::CompiledPolicy before = Load("city");
  v1::CompiledPolicy after = before;
  Row(&after, "games")->set_action(v1::ACTION_ALLOW);
  const auto changes = Compare(before, after);
  ASSERT_FALSE(changes.empty());
  for (const PolicyChange& change : changes) {
    EXPECT_TRUE(change.looser) << change.sentence;
  }
  EXPECT_TRUE(absl::StartsWith(changes[0].sentence,
                               "games: was blocked, will be allowed for "))
      << changes[0].sentence;
  EXPECT_TRUE(absl::StrContains(changes[0].sentence, "Key Stage 2 pupils"));
  const auto back = Compare(after, before);
  ASSERT_EQ(back.size(), changes.size());
  EXPECT_FALSE(back[0].looser);
}

TEST(PolicyDiff, AnHourMoreIsSeen) {
  const v1::CompiledPolicy before = Load("city");
  v1::CompiledPolicy after = before;
  for (v1::PolicySchedule& schedule : *after.mutable_schedules()) {
    if (schedule.id() == "video-pupils") {
      schedule.mutable_windows(0)->set_to_minute(13 * 60 + 30);
    }
  }
  const auto changes = Compare(before, after);
  ASSERT_EQ(changes.size(), 1);
  EXPECT_TRUE(changes[0].looser);
  // Twenty school days, half an hour each.
  EXPECT_TRUE(absl::StrContains(changes[0].sentence,
                                "first Mon 2026-11-23 13:00 UTC, 10 hours"))
      << changes[0].sentence;
}

TEST(PolicyDiff, ANominationAndAHostRuleAreSeen) {
  const v1::CompiledPolicy before = Load("city");
  v1::CompiledPolicy after = before;
  Row(&after, "social-media")
      ->mutable_exceptions(0)
      ->mutable_nominees(0)
      ->set_user("somebody.else");
  after.mutable_host_rules(0)->set_hosts(0, "other.example");
  after.mutable_host_rules(0)->set_action(v1::ACTION_BLOCK);
  std::string all;
  for (const PolicyChange& change : Compare(before, after)) {
    absl::StrAppend(
        &all, change.looser ? "Looser: " : "Tighter: ", change.sentence, "\n");
  }
  EXPECT_TRUE(absl::StrContains(
      all,
      "Looser: social media: was blocked, will be allowed for "
      "somebody.else"))
      << all;
  EXPECT_TRUE(absl::StrContains(
      all,
      "Tighter: social media: was allowed, will be blocked for "
      "office.manager"))
      << all;
  EXPECT_TRUE(absl::StrContains(all, "Tighter: other.example: was allowed"))
      << all;
}

TEST(PolicyDiff, WhoHasLessForATimeAndWhoNoLongerIsSeen) {
  const v1::CompiledPolicy before = Load("city");
  v1::CompiledPolicy after = before;
  v1::Restriction* one = after.add_restrictions();
  one->set_user("pupil.one");
  one->set_to(
      static_cast<uint32_t>((*PolicyTables::Make(before))->Group("ks1")));
  one->set_expires_unix_s(absl::ToUnixSeconds(kFrom) + 5 * 86400);
  one->set_reason("agreed with the parents");
  one->set_asked_by("dsl");
  one->set_approver("head");
  const std::string words =
      "pupil.one: no more than Reception and Key Stage 1 pupils until "
      "2026-11-27 (asked by dsl, approved by head: agreed with the parents)";
  const auto changes = Compare(before, after);
  ASSERT_EQ(changes.size(), 1);
  EXPECT_FALSE(changes[0].looser);
  EXPECT_EQ(changes[0].sentence, "Restricted: " + words + ".");
  const auto back = Compare(after, before);
  ASSERT_EQ(back.size(), 1);
  EXPECT_TRUE(back[0].looser);
  EXPECT_EQ(back[0].sentence, "No longer restricted: " + words + ".");
  EXPECT_TRUE(absl::StrContains(ExplainPolicy(after), words));
}

// A governor must find every rule, clause and choice in the document.
TEST(Explain, NamesEveryRuleClauseRoleAndChoice) {
  for (const char* school : {"city", "trust", "grid", "village", "county"}) {
    const v1::CompiledPolicy policy = Load(school);
    const std::string text = ExplainPolicy(policy);
    for (const auto* rules : {&policy.matrix(), &policy.host_rules()}) {
      for (const v1::PolicyRule& rule : *rules) {
        EXPECT_TRUE(absl::StrContains(text, "rule `" + rule.id() + "`"))
            << rule.id();
        EXPECT_TRUE(absl::StrContains(text, rule.reason())) << rule.id();
      }
    }
    for (const v1::PolicyRole& role : policy.roles()) {
      EXPECT_TRUE(absl::StrContains(text, role.title())) << role.id();
    }
    for (const v1::PolicyChoice& choice : policy.choices()) {
      EXPECT_TRUE(absl::StrContains(text, choice.choice())) << choice.trap();
    }
    for (const v1::SanctionRow& row : policy.sanctions()) {
      EXPECT_TRUE(absl::StrContains(text, row.incident())) << row.id();
    }
    for (const v1::Threshold& threshold : policy.thresholds()) {
      if (threshold.bytes() == 0) continue;
      EXPECT_TRUE(absl::StrContains(
          text, absl::StrCat(threshold.bytes() / 1'000'000, " megabytes")));
    }
    for (const v1::PolicyCategory& category : policy.categories()) {
      EXPECT_TRUE(absl::StrContains(text, category.title())) << category.id();
    }
    for (const char* id : {"class_teacher", "line_manager", "change_log",
                           "role:", "(any)", "1 minutes", "further_sanction"}) {
      EXPECT_FALSE(absl::StrContains(text, id)) << school << " " << id;
    }
    for (const char* word : {"visited", "searched"}) {
      EXPECT_FALSE(absl::StrContains(text, word)) << school << " " << word;
    }
  }
}

}  // namespace
}  // namespace schoolgate::rules
