// A person could be sent to the police, or suspended, by a misread table.
#include "rules/policy/sanctions.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rules/policy/compile.h"

namespace schoolgate::rules {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

using Referrals = std::vector<std::string>;

class Sanctions : public testing::Test {
 protected:
  void SetUp() override {
    const auto policy = CompilePolicyFile("rules/policies/city-primary.yaml");
    ASSERT_TRUE(policy.ok()) << policy.status().message();
    policy_ = *policy;
  }

  std::string RowOf(const Incident& incident) const {
    const Proposal proposal = ProposeSanction(policy_, incident);
    return proposal.row == nullptr ? "" : proposal.row->id();
  }

  v1::CompiledPolicy policy_;
};

// All 32 rows, as ticked on paper. Written out again here so that an edit of
// the policy that changes a tick is seen.
TEST_F(Sanctions, EveryRowHasThePapersTicks) {
  const std::map<std::string, Referrals> paper = {
      {"SP1", {"head", "police"}},
      {"SP2", {"class_teacher", "warning"}},
      {"SP3", {"class_teacher", "head", "parents"}},
      {"SP4", {"parents", "warning"}},
      {"SP5", {"class_teacher", "technical"}},
      {"SP6", {"class_teacher", "warning"}},
      {"SP7", {"class_teacher", "warning"}},
      {"SP8", {"head", "parents", "further_sanction"}},
      {"SP9", {"technical", "further_sanction"}},
      {"SP10", {"head", "police", "parents", "further_sanction"}},
      {"SP11", {"head", "technical", "further_sanction"}},
      {"SP12", {"head", "technical", "further_sanction"}},
      {"SP13", {"parents", "warning"}},
      {"SP14",
       {"head", "police", "technical", "parents", "warning",
        "further_sanction"}},
      {"SP15", {"head", "police", "parents", "further_sanction"}},
      {"SP16", {"head", "further_sanction"}},
      {"SS1", {"line_manager", "head", "police", "disciplinary"}},
      {"SS2", {"line_manager", "head", "warning"}},
      {"SS3", {"line_manager", "technical", "warning"}},
      {"SS4", {"line_manager", "technical", "warning"}},
      {"SS5", {"line_manager", "warning"}},
      {"SS6", {"head", "technical", "warning", "disciplinary"}},
      {"SS7", {"head", "technical", "warning", "disciplinary"}},
      {"SS8",
       {"head", "local_authority", "police", "suspension", "disciplinary"}},
      {"SS9", {"head", "local_authority", "disciplinary"}},
      {"SS10", {"head", "local_authority", "disciplinary"}},
      {"SS11", {"head", "suspension"}},
      {"SS12", {"line_manager", "warning", "suspension"}},
      {"SS13", {"head", "local_authority", "suspension"}},
      {"SS14", {"police", "suspension", "disciplinary"}},
      {"SS15", {"head", "disciplinary"}},
      {"SS16", {"head", "suspension", "disciplinary"}}};
  ASSERT_EQ(policy_.sanctions_size(), 32);
  for (const v1::SanctionRow& row : policy_.sanctions()) {
    ASSERT_EQ(paper.count(row.id()), 1) << row.id();
    EXPECT_EQ(Referrals(row.referrals().begin(), row.referrals().end()),
              paper.at(row.id()))
        << row.id();
    EXPECT_EQ(row.staff(), row.id()[1] == 'S') << row.id();
  }
}

TEST_F(Sanctions, EachVisibleIncidentFindsItsRow) {
  EXPECT_EQ(RowOf({.category = "child-abuse", .deliberate = true}), "SP1");
  EXPECT_EQ(RowOf({.category = "games", .in_lesson = true}), "SP2");
  EXPECT_EQ(RowOf({.category = "games"}), "");
  EXPECT_EQ(RowOf({.category = "social", .in_lesson = true}), "SP4");
  EXPECT_EQ(RowOf({.category = "file-sharing"}), "SP5");
  EXPECT_EQ(RowOf({.category = "bypass"}), "SP13");
  EXPECT_EQ(RowOf({.category = "adult"}), "SP14");
  EXPECT_EQ(RowOf({.category = "adult", .deliberate = true}), "SP15");
  EXPECT_EQ(RowOf({.category = "piracy"}), "SP16");
  EXPECT_EQ(RowOf({.category = "games", .after_warning = true}), "SP11");
  EXPECT_EQ(RowOf({.category = "terrorism", .staff = true, .deliberate = true}),
            "SS1");
  EXPECT_EQ(RowOf({.category = "shopping", .staff = true}), "SS2");
  EXPECT_EQ(RowOf({.category = "software-download", .staff = true}), "SS3");
  EXPECT_EQ(RowOf({.category = "file-sharing", .staff = true}), "SS5");
  EXPECT_EQ(RowOf({.category = "remote-access", .staff = true}), "SS6");
  EXPECT_EQ(RowOf({.category = "bypass", .staff = true}), "SS12");
  EXPECT_EQ(RowOf({.category = "adult", .staff = true}), "SS13");
  EXPECT_EQ(RowOf({.category = "adult", .staff = true, .deliberate = true}),
            "SS14");
  EXPECT_EQ(RowOf({.category = "piracy", .staff = true}), "SS15");
  EXPECT_EQ(
      RowOf({.category = "shopping", .staff = true, .after_warning = true}),
      "SS16");
}

// Sharing one's own password and taking a teacher's are different things.
TEST_F(Sanctions, WhatWasDoneWithAnAccountFindsItsRow) {
  Incident incident;
  incident.account = "shared_account";
  EXPECT_EQ(RowOf(incident), "SP6");
  incident.account = "account";
  EXPECT_EQ(RowOf(incident), "SP7");
  incident.account = "staff_account";
  EXPECT_EQ(RowOf(incident), "SP8");
  incident.staff = true;
  for (const char* kind : {"shared_account", "account", "staff_account"}) {
    incident.account = kind;
    EXPECT_EQ(RowOf(incident), "SS4") << kind;
  }
}

TEST_F(Sanctions, AReportedAccidentHasNoRow) {
  EXPECT_EQ(RowOf({.category = "adult", .self_reported = true}), "");
  EXPECT_EQ(RowOf({.category = "adult", .staff = true, .self_reported = true}),
            "");
}

TEST_F(Sanctions, PoliceIsNeverProposedWithoutAReason) {
  for (const v1::PolicyCategory& category : policy_.categories()) {
    for (const bool staff : {false, true}) {
      for (const bool deliberate : {false, true}) {
        const Proposal proposal =
            ProposeSanction(policy_, {.category = category.id(),
                                      .staff = staff,
                                      .deliberate = deliberate,
                                      .in_lesson = true});
        EXPECT_THAT(proposal.referrals, Not(Contains("police")))
            << category.id();
        EXPECT_THAT(proposal.referrals, Not(Contains("suspension")))
            << category.id();
        EXPECT_THAT(proposal.referrals, Not(Contains("remove_access")))
            << category.id();
      }
    }
  }
}

// SS14 ticks police, suspension and disciplinary action, but not the head.
TEST_F(Sanctions, TheHeadIsAddedWhereTheTableLeavesThemOut) {
  const Proposal proposal = ProposeSanction(
      policy_, {.category = "adult", .staff = true, .deliberate = true});
  EXPECT_THAT(proposal.referrals, ElementsAre("disciplinary", "head"));
  EXPECT_THAT(proposal.needs_reason, ElementsAre("police", "suspension"));
  EXPECT_THAT(proposal.cautions, Not(IsEmpty()));
}

}  // namespace
}  // namespace schoolgate::rules
