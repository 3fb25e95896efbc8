// Who is told, by the school's own policy.
#include "collector/cases/routes.h"

#include <gtest/gtest.h>

#include "collector/cases/policy_says.h"
#include "collector/cases/sentence.h"
#include "collector/cases/sight.h"
#include "rules/policy/compile.h"

namespace schoolgate::collector {
namespace {

// The starter policy of a school with tables and routes, as it is published.
Policy CityPolicy() {
  static const Policy policy = [] {
    auto compiled = rules::CompilePolicyFile(
        std::string(SCHOOLGATE_SOURCE) + "/rules/policies/city-primary.yaml");
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return std::make_shared<v1::CompiledPolicy>(*std::move(compiled));
  }();
  return policy;
}

Account Person(const std::string& name, Role role,
               const std::string& pseudonym = "") {
  Account account;
  account.name = name;
  account.role = role;
  account.school = "oak";
  account.own_pseudonym = pseudonym;
  return account;
}

v1::Alert About(const std::string& subject, const std::string& group,
                const std::string& category) {
  v1::Alert alert;
  alert.set_id(7);
  alert.set_school("oak");
  alert.set_rule("repeated_blocked");
  alert.set_subject(subject);
  alert.set_group(group);
  alert.set_category(category);
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  return alert;
}

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() { policies_.Set("oak", CityPolicy()); }

  std::string Told(const v1::Alert& alert, const std::vector<Account>& people) {
    const Readers readers(people, &policies_);
    std::string names;
    for (const Account& one : people) {
      if (SightOf(one, alert, readers) == Sight::kFull) names += one.name + " ";
    }
    return names;
  }

  SchoolPolicies policies_;
};

TEST_F(RoutesTest, ThePolicySaysWhoIsTold) {
  const std::vector<Account> people = {
      Person("lead", Role::kSafetyLead), Person("h", Role::kHead),
      Person("s", Role::kSecondSenior),
      Person("it.provider", Role::kItProvider), Person("g", Role::kGovernor)};
  // The policy routes pupils to the safeguarding lead, staff to head and
  // second senior; the head sees what goes to the lead only as a lead.
  EXPECT_EQ(Told(About("P-1", "ks2", "games"), people), "lead ");
  EXPECT_EQ(Told(About("P-1", "staff", "games"), people), "h s ");
  // Named as a holder in the policy: the account "head".
  EXPECT_EQ(Told(About("P-1", "ks2", "games"),
                 {people[0], Person("head", Role::kHead)}),
            "lead head ");
}

// The policy sends alerts about the head to the chair, who has no account
// here: somebody must be told all the same, and never the head.
TEST_F(RoutesTest, AnAlertAboutARecipientGoesAroundThem) {
  const std::vector<Account> people = {
      Person("lead", Role::kSafetyLead, "P-LEAD"),
      Person("head", Role::kHead, "P-HEAD"),
      Person("deputy.head", Role::kSecondSenior, "P-SECOND")};
  for (const Account& subject : people) {
    const std::string told =
        Told(About(subject.own_pseudonym, "staff", "games"), people);
    EXPECT_NE(told, "") << subject.name;
    EXPECT_EQ((" " + told).find(" " + subject.name + " "), std::string::npos)
        << told;
  }
  std::vector<Account> with_chair = people;
  with_chair.push_back(Person("chair.governors", Role::kSecondSenior));
  EXPECT_EQ(Told(About("P-HEAD", "staff", "games"), with_chair),
            "chair.governors ");
}

TEST_F(RoutesTest, WithoutAPolicyTheCollectorsOwnRulesHold) {
  policies_.Set("oak", nullptr);
  const std::vector<Account> people = {Person("lead", Role::kSafetyLead),
                                       Person("h", Role::kHead)};
  EXPECT_EQ(Told(About("P-1", "ks2", "games"), people), "lead h ");
}

// What the page says must be the school's own sentence and table.
TEST_F(RoutesTest, ThePageQuotesTheSchoolsOwnTable) {
  const Readers readers({Person("lead", Role::kSafetyLead)}, &policies_);
  v1::Alert alert = About("P-1", "ks2", "bypass");
  alert.set_count(3);
  const nlohmann::json says = PolicySays(alert, readers, {});
  EXPECT_EQ(says["row"]["id"], "SP13");
  EXPECT_EQ(says["row"]["steps"],
            (std::vector<std::string>{"parents / carers", "warning"}));
  EXPECT_EQ(says["clause"]["id"], "U10");
  EXPECT_EQ(says["group"], "Key Stage 2 pupils");
  EXPECT_EQ(says["within_minutes"], 15);
  EXPECT_EQ(NextStep(alert, true, false, CityPolicy().get()),
            "Hear the person before you decide: how did it come about? For "
            "information, row SP13 of the pupil table of the school's policy "
            "says: parents / carers; warning. A person decides; nothing has "
            "been done.");
  alert.set_group("staff");
  EXPECT_EQ(PolicySays(alert, readers, {})["row"]["id"], "SS12");
}

// The police is a tick of the table that no program may propose.
TEST_F(RoutesTest, AnAccountThatWasMisusedHasItsRow) {
  v1::Alert alert = About("D-1", "ks2", "");
  alert.set_rule("staff_account");
  const Readers readers({}, &policies_);
  EXPECT_EQ(PolicySays(alert, readers, {})["row"]["id"], "SP8");
  alert.set_rule("shared_account");
  EXPECT_EQ(PolicySays(alert, readers, {})["row"]["id"], "SP6");
}

TEST_F(RoutesTest, WhatNeedsAReasonIsNeverProposed) {
  const Readers readers({}, &policies_);
  v1::Alert alert = About("P-1", "ks2", "adult");
  alert.set_count(2);
  const nlohmann::json row = PolicySays(alert, readers, {})["row"];
  EXPECT_EQ(row["id"], "SP15");
  EXPECT_EQ(row["needs_reason"], (std::vector<std::string>{"police"}));
  EXPECT_EQ(row["steps"].dump().find("police"), std::string::npos);
  // Once and blocked: as an accident, unless the person said so themselves.
  alert.set_count(1);
  alert.add_evidence()->set_action("blocked");
  EXPECT_EQ(PolicySays(alert, readers, {})["row"]["id"], "SP14");
  alert.mutable_evidence(0)->set_sentence("x. Reported by the person.");
  EXPECT_FALSE(PolicySays(alert, readers, {}).contains("row"));
  // Harm to oneself is no misuse.
  alert.set_category("self-harm");
  EXPECT_FALSE(PolicySays(alert, readers, {}).contains("row"));
}

// "Continued infringements, following previous warnings": only what a person
// confirmed and wrote a warning for counts.
TEST_F(RoutesTest, AnEarlierWarningIsSaidBeside) {
  const Readers readers({}, &policies_);
  v1::Alert alert = About("P-1", "ks2", "bypass");
  alert.set_last_unix_us(2'000'000);
  v1::Alert before = About("P-1", "ks2", "games");
  before.set_id(3);
  before.set_state(v1::ALERT_STATE_CLOSED);
  before.mutable_incident()->set_outcome("handled");
  before.mutable_incident()->set_action_taken("Gave a Warning.");
  before.mutable_incident()->set_recorded_unix_us(1'000'000);
  const auto says = [&] {
    return PolicySays(alert, readers, std::vector<v1::Alert>{before});
  };
  EXPECT_EQ(says()["continued"]["row"]["id"], "SP11");
  EXPECT_EQ(says()["continued"]["warnings"], 1);
  EXPECT_EQ(says()["continued"]["confirmed_since"], 0);
  EXPECT_EQ(says()["row"]["id"], "SP13");
  alert.set_group("staff");
  EXPECT_EQ(says()["continued"]["row"]["id"], "SS16");
  before.mutable_incident()->set_outcome("false_alarm");
  EXPECT_FALSE(says().contains("continued"));
  before.mutable_incident()->set_outcome("handled");
  before.mutable_incident()->set_recorded_unix_us(3'000'000);
  EXPECT_FALSE(says().contains("continued"));
}

// "Continued" counts what people confirmed after a warning, nothing else.
TEST_F(RoutesTest, WarningsAndWhatWasConfirmedSinceAreCounted) {
  const Readers readers({}, &policies_);
  v1::Alert alert = About("P-1", "ks2", "bypass");
  alert.set_id(9);
  alert.set_first_unix_us(9'000'000);
  alert.set_last_unix_us(9'500'000);
  std::vector<v1::Alert> before;
  const auto add = [&](uint64_t id, int64_t first_us, const char* outcome,
                       const char* action) {
    v1::Alert& one = before.emplace_back(About("P-1", "ks2", "games"));
    one.set_id(id);
    one.set_first_unix_us(first_us);
    one.set_last_unix_us(first_us);
    one.set_state(v1::ALERT_STATE_CLOSED);
    one.mutable_incident()->set_outcome(outcome);
    one.mutable_incident()->set_action_taken(action);
    one.mutable_incident()->set_recorded_unix_us(first_us + 100'000);
  };
  add(1, 1'000'000, "handled", "Spoke to the child.");  // before any warning
  add(2, 2'000'000, "handled", "First warning.");
  add(3, 3'000'000, "handled", "Spoke to the parents.");
  add(4, 4'000'000, "false_alarm", "A misspelt address.");
  add(5, 5'000'000, "referred", "Warned again.");
  add(6, 9'900'000, "handled", "Warned.");  // later than the alert
  const nlohmann::json says = PolicySays(alert, readers, before);
  EXPECT_EQ(says["continued"]["warnings"], 2);
  EXPECT_EQ(says["continued"]["alert"], 5);
  EXPECT_EQ(says["continued"]["confirmed_since"], 2) << "alerts 3 and 5";
}

}  // namespace
}  // namespace schoolgate::collector
