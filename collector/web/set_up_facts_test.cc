#include "collector/web/set_up_facts.h"

#include <gtest/gtest.h>

#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

std::shared_ptr<v1::CompiledPolicy> SmallPolicy() {
  auto policy = std::make_shared<v1::CompiledPolicy>();
  policy->set_title("Oakfield");
  policy->set_mode("enforce");
  policy->set_notice_version("3");
  const auto category = [&](const char* title) {
    v1::PolicyCategory* one = policy->add_categories();
    one->set_title(title);
    return one;
  };
  category("gambling");
  category("politics")->set_nameless(true);
  category("adult")->set_log_offsite(true);
  category("news");
  const auto rule = [&](uint32_t at, v1::Action action) {
    v1::PolicyRule* one = policy->add_matrix();
    one->add_categories(at);
    one->set_action(action);
    return one;
  };
  rule(0, v1::ACTION_BLOCK);
  rule(1, v1::ACTION_BLOCK);
  rule(2, v1::ACTION_RECORD);
  rule(3, v1::ACTION_ALLOW);
  v1::RetentionRule* keep = policy->add_retention();
  keep->set_what("hit");
  keep->set_days(30);
  policy->add_never_log_hosts("helpline.test");
  v1::PolicyRole* role = policy->add_roles();
  role->set_title("Senior information risk owner");
  role->set_vacant(true);
  v1::PolicyGroup* group = policy->add_groups();
  group->set_title("Reception");
  group->set_shared_accounts(true);
  return policy;
}

// The assessment would be about another system than the one that runs.
TEST(SetUpFacts, SayWhatTheRunningPolicyMeansForPeoplesData) {
  TestSchool school;
  SchoolPolicies policies;
  Stores stores = school.stores();
  stores.policies = &policies;
  Api api(stores, NoticeFacts{.keep_event_days = 90, .keep_case_days = 365},
          SessionLimits{}, school.clock());
  TestBrowser browser(api);
  ASSERT_EQ(browser.LogIn("dpo").status, 200);
  EXPECT_TRUE(
      TestBrowser::Json(browser.Get("/api/v1/notice"))["policy"].is_null());
  policies.Set("oakfield", SmallPolicy());
  const nlohmann::json policy =
      TestBrowser::Json(browser.Get("/api/v1/notice"))["policy"];
  EXPECT_EQ(policy["recorded"], nlohmann::json::array({"adult", "gambling"}));
  EXPECT_EQ(policy["recorded_away"], nlohmann::json::array({"adult"}));
  EXPECT_EQ(policy["blocked_unrecorded"], nlohmann::json::array({"politics"}));
  EXPECT_EQ(policy["keep_days"]["contacts"], 30);
  EXPECT_EQ(policy["keep_days"]["cases"], 365);
  EXPECT_EQ(policy["never_recorded_hosts"], 1);
  EXPECT_EQ(policy["vacant_roles"][0], "Senior information risk owner");
  EXPECT_FALSE(policy["groups"][0]["named"]);
  EXPECT_EQ(policy["notice_version"], "3");
}

}  // namespace
}  // namespace schoolgate::collector
