// What a school's published policy makes the collector do.
#include <gtest/gtest.h>

#include "collector/policy/retention.h"
#include "collector/policy/school_policies.h"
#include "collector/policy/thresholds.h"

namespace schoolgate::collector {
namespace {

v1::CompiledPolicy SmallPolicy() {
  v1::CompiledPolicy policy;
  const struct {
    const char* id;
    v1::Tier tier;
  } categories[] = {{"adult", v1::TIER_SERIOUS},
                    {"games", v1::TIER_ROUTINE},
                    {"child-abuse", v1::TIER_ILLEGAL}};
  for (const auto& one : categories) {
    auto* category = policy.add_categories();
    category->set_id(one.id);
    category->set_tier(one.tier);
  }
  const struct {
    const char* scope;
    uint32_t count, minutes;
  } thresholds[] = {
      {"any", 9, 10}, {"serious", 2, 15}, {"games", 5, 60}, {"routine", 3, 0}};
  for (const auto& one : thresholds) {
    auto* threshold = policy.add_thresholds();
    threshold->set_scope(one.scope);
    threshold->set_count(one.count);
    threshold->set_window_minutes(one.minutes);
  }
  return policy;
}

// A school that asked to be told at the fifth contact must not be told at the
// third, and the other way round.
TEST(Thresholds, TheClosestOneHolds) {
  const v1::CompiledPolicy policy = SmallPolicy();
  EXPECT_EQ(RepeatsFor(policy, "adult")->count, 2u);
  EXPECT_EQ(RepeatsFor(policy, "games")->count, 5u);
  EXPECT_EQ(RepeatsFor(policy, "unheard-of")->count, 9u);
  EXPECT_FALSE(RepeatsFor(policy, "child-abuse").has_value());
  EXPECT_FALSE(TransferFor(policy, "adult").has_value());
  EXPECT_EQ(InWords(*RepeatsFor(policy, "games")), "5 within 60 minutes");
}

TEST(Thresholds, ATransferHasItsHours) {
  v1::CompiledPolicy policy = SmallPolicy();
  auto* schedule = policy.add_schedules();
  schedule->set_id("school-hours");
  auto* window = schedule->add_windows();
  window->set_days(0x1f);
  window->set_from_minute(8 * 60);
  window->set_to_minute(16 * 60);
  auto* threshold = policy.add_thresholds();
  threshold->set_scope("any");
  threshold->set_bytes(2'000'000'000);
  threshold->set_window_minutes(15);
  threshold->set_schedule("school-hours");
  const auto transfer = TransferFor(policy, "games");
  ASSERT_TRUE(transfer.has_value());
  EXPECT_EQ(InWords(*transfer), "2.0 GB within 15 minutes");
  const absl::Time tuesday_ten = absl::FromUnixSeconds(1795514400);
  EXPECT_TRUE(Holds(policy, transfer->schedule, tuesday_ten));
  EXPECT_FALSE(
      Holds(policy, transfer->schedule, tuesday_ten + absl::Hours(12)));
}

// Records kept longer than the policy promises break the promise.
TEST(Retention, ThePolicyGoesBeforeTheSettings) {
  const Retention set_up{absl::Hours(24 * 90), absl::Hours(24 * 90),
                         absl::Hours(24 * 1095)};
  EXPECT_EQ(RetentionBy(nullptr, set_up), set_up);
  v1::CompiledPolicy policy;
  for (const auto& [what, days] :
       {std::pair("hit", 30), std::pair("incident", 365),
        std::pair("hold", 0)}) {
    auto* rule = policy.add_retention();
    rule->set_what(what);
    rule->set_days(static_cast<uint32_t>(days));
  }
  const Retention kept = RetentionBy(&policy, set_up);
  EXPECT_EQ(kept.contacts, absl::Hours(24 * 30));
  EXPECT_EQ(kept.health, absl::Hours(24 * 90));
  EXPECT_EQ(kept.cases, absl::Hours(24 * 365));
}

TEST(SchoolPolicies, ItsOwnGoesBeforeThatForAll) {
  SchoolPolicies policies;
  EXPECT_EQ(policies.Of("oak"), nullptr);
  auto all = std::make_shared<v1::CompiledPolicy>();
  auto own = std::make_shared<v1::CompiledPolicy>();
  policies.Set("", all);
  policies.Set("oak", own);
  EXPECT_EQ(policies.Of("oak"), own);
  EXPECT_EQ(policies.Of("elm"), all);
  policies.Set("oak", nullptr);
  EXPECT_EQ(policies.Of("oak"), all);
  EXPECT_EQ(policies.generation(), 3u);
}

TEST(SchoolPolicies, AGroupHasItsNameAndItsParents) {
  v1::CompiledPolicy policy;
  auto* pupils = policy.add_groups();
  pupils->set_id("pupils");
  pupils->set_parent(-1);
  auto* ks2 = policy.add_groups();
  ks2->set_id("ks2");
  ks2->set_title("Key Stage 2 pupils");
  ks2->set_parent(0);
  EXPECT_EQ(GroupTitle(&policy, "ks2"), "Key Stage 2 pupils");
  EXPECT_EQ(GroupTitle(nullptr, "ks2"), "ks2");
  EXPECT_EQ(GroupAndParents(policy, "ks2"),
            (std::vector<std::string>{"ks2", "pupils"}));
}

}  // namespace
}  // namespace schoolgate::collector
