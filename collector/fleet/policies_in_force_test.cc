// A policy that a school signed and published is obeyed; nothing else is.
#include "collector/fleet/policies_in_force.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "collector/store/begun_log_test.h"
#include "collector/store/scratch_test.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::collector {
namespace {

class PoliciesInForceTest : public testing::Test {
 protected:
  // As publish leaves it.
  void Publish(uint64_t version, const v1::CompiledPolicy& policy,
               const std::string& school,
               std::vector<rules::Holder> signers = {
                   rules::Holder::kProviderAda, rules::Holder::kSchoolHead}) {
    rules::ExampleBundle bundle;
    bundle.version = version;
    bundle.policy = policy;
    bundle.release = std::move(signers);
    const std::string file = scratch_.File("new.bundle");
    rules::WriteExample(file, bundle);
    ASSERT_TRUE(shelf_.Place(file, version, school).ok());
  }

  std::vector<AuditEntry> Lines() { return audit_->Read(0, 100).value(); }

  PoliciesInForce Reader() {
    return PoliciesInForce(
        shelf_,
        [] {
          return rules::StartFromRootFile(
              *rules::ParseRootFile(rules::ExampleRootFile()));
        },
        *audit_, policies_);
  }

  v1::CompiledPolicy Keeping(uint32_t days) {
    v1::CompiledPolicy policy = rules::ExamplePolicy();
    auto* rule = policy.add_retention();
    rule->set_what("hit");
    rule->set_days(days);
    return policy;
  }

  Scratch scratch_;
  const BundleShelf shelf_{scratch_.File("bundles")};
  std::unique_ptr<AuditLog> audit_ = BegunAuditLog(scratch_.File("a.sqlite"));
  SchoolPolicies policies_;
  const absl::Time now_ = rules::ExampleTime();
};

TEST_F(PoliciesInForceTest, TakesEffectWithOneLineOnRecord) {
  PoliciesInForce reader = Reader();
  reader.Refresh(now_);
  EXPECT_EQ(policies_.Of("oak"), nullptr);
  Publish(10, Keeping(30), "");
  reader.Refresh(now_);
  ASSERT_NE(policies_.Of("oak"), nullptr);
  EXPECT_EQ(policies_.Of("oak")->retention(0).days(), 30u);
  Publish(11, Keeping(7), "oak");
  reader.Refresh(now_);
  reader.Refresh(now_);
  EXPECT_EQ(policies_.Of("oak")->retention(0).days(), 7u);
  EXPECT_EQ(policies_.Of("elm")->retention(0).days(), 30u);
  ASSERT_EQ(Lines().size(), 2u);
  EXPECT_EQ(Lines()[0].action, "policy_in_force");
  EXPECT_EQ(Lines()[0].about, "all");
  EXPECT_EQ(Lines()[1].about, "oak");
  EXPECT_NE(Lines()[1].detail.find("version 11"), std::string::npos);
  EXPECT_NE(Lines()[1].detail.find("contacts 7 days"), std::string::npos);
  // A restart is nothing new.
  SchoolPolicies anew;
  PoliciesInForce(
      shelf_, [] { return absl::NotFoundError("no root"); }, *audit_, anew)
      .Refresh(now_);
  EXPECT_EQ(anew.Of("oak")->retention(0).days(), 7u);
  EXPECT_EQ(Lines().size(), 2u);
}

// Somebody who can write into the folder must not route alerts away.
TEST_F(PoliciesInForceTest, WhatIsNotSignedOrDamagedChangesNothing) {
  PoliciesInForce reader = Reader();
  Publish(10, Keeping(30), "");
  reader.Refresh(now_);
  Publish(11, Keeping(3650), "", {rules::Holder::kStranger});
  reader.Refresh(now_);
  EXPECT_EQ(policies_.Of("oak")->retention(0).days(), 30u);
  Publish(12, Keeping(3), "");
  const std::string path = shelf_.PathOf(shelf_.Label("")->hash);
  std::string bytes = rules::ReadBytes(path);
  bytes[4096 + 5] ^= 1;  // the first section is the policy
  rules::WriteBytes(path, bytes);
  reader.Refresh(now_);
  EXPECT_EQ(policies_.Of("oak")->retention(0).days(), 30u);
  EXPECT_EQ(Lines().size(), 1u);
}

}  // namespace
}  // namespace schoolgate::collector
