// Roots that a device must not take.
#include <gtest/gtest.h>

#include <algorithm>

#include "rules/trust/example/victim.h"

namespace schoolgate::rules {
namespace {

void KeepHolders(v1::TrustRoot& root, int role, v1::Organisation keep) {
  auto* ids = root.mutable_roles(role)->mutable_key_ids();
  for (int i = ids->size() - 1; i >= 0; --i) {
    for (const v1::TrustKey& key : root.keys()) {
      if (KeyId(key.public_key()) == ids->Get(i) &&
          key.organisation() != keep) {
        ids->DeleteSubrange(i, 1);
        break;
      }
    }
  }
}

std::vector<Attack> RootAttacks() {
  const auto same = [](v1::TrustRoot&) {};
  return {
      ByRoot("too few of the old root's keys", Refusal::kTooFewSignatures, same,
             {kProviderAda, kSchoolHead}),
      ByRoot("strangers", Refusal::kUnknownKey, same,
             {kProviderAda, kSchoolHead, kStranger}),
      ByRoot("keys without the role", Refusal::kWrongRole, same,
             {kProviderAda, kSchoolHead, kServer}),
      ByRoot("one key three times", Refusal::kSameKeyTwice, same,
             {kProviderAda, kProviderAda, kProviderAda}),
      ByRoot("the school alone, with all its keys", Refusal::kLoosenedByOne,
             same, {kSchoolHead, kSchoolLead, kGovernor}),
      ByRoot("a version left out", Refusal::kRootGap,
             [](auto& root) { root.set_version(3); }),
      ByRoot("another root of the same version", Refusal::kEquivocation,
             [](auto& root) {
               root.set_version(1);
               root.set_version_jump(99);
             }),
      ByRoot("another school's root", Refusal::kWrongSchool,
             [](auto& root) { root.set_id("other"); }),
      ByRoot("no id", Refusal::kMalformed, [](auto& root) { root.clear_id(); }),
      ByRoot("one key is enough for a release", Refusal::kWeakRoot,
             [](auto& root) { root.mutable_roles(1)->set_threshold(1); }),
      ByRoot("one key is enough for a root", Refusal::kWeakRoot,
             [](auto& root) { root.mutable_roles(0)->set_threshold(1); }),
      ByRoot("a threshold of zero", Refusal::kWeakRoot,
             [](auto& root) { root.mutable_roles(3)->set_threshold(0); }),
      ByRoot("a threshold that cannot be reached", Refusal::kWeakRoot,
             [](auto& root) { root.mutable_roles(1)->set_threshold(9); }),
      ByRoot(
          "releases without the school", Refusal::kWeakRoot,
          [](auto& root) { KeepHolders(root, 1, v1::ORGANISATION_PROVIDER); }),
      ByRoot("roots without the provider", Refusal::kWeakRoot,
             [](auto& root) { KeepHolders(root, 0, v1::ORGANISATION_SCHOOL); }),
      ByRoot("the locked list in the provider's hand", Refusal::kWeakRoot,
             [](auto& root) {
               root.mutable_roles(2)->set_key_ids(0,
                                                  KeyOf(kProviderAda).key_id());
             }),
      ByRoot("a key listed twice", Refusal::kWeakRoot,
             [](auto& root) { *root.add_keys() = root.keys(0); }),
      ByRoot("a role that counts a key twice", Refusal::kWeakRoot,
             [](auto& root) {
               root.mutable_roles(1)->add_key_ids(root.roles(1).key_ids(0));
             }),
      ByRoot("a role granted twice", Refusal::kWeakRoot,
             [](auto& root) { *root.add_roles() = root.roles(1); }),
      ByRoot("a role held by a key that is not there", Refusal::kMalformed,
             [](auto& root) {
               root.mutable_roles(1)->add_key_ids(std::string(32, 'x'));
             }),
      ByRoot("a key of no organisation", Refusal::kWeakRoot,
             [](auto& root) {
               root.mutable_keys(0)->set_organisation(
                   v1::ORGANISATION_UNSPECIFIED);
             }),
      ByRoot("a short key", Refusal::kMalformed,
             [](auto& root) { root.mutable_keys(0)->set_public_key("short"); }),
      ByRoot("nobody may release", Refusal::kWeakRoot,
             [](auto& root) { root.mutable_roles()->DeleteSubrange(1, 1); }),
      ByRoot("no limit on version jumps", Refusal::kWeakRoot,
             [](auto& root) { root.set_version_jump(UINT64_MAX); }),
      {"an older root after a rotation", Refusal::kRollback,
       [](Victim& v) {
         v1::TrustRoot next = ExampleRoot();
         next.set_version(2);
         EXPECT_TRUE(v.OfferRoots({SignRoot(next, {kProviderAda, kSchoolHead,
                                                   kSchoolLead})})
                         .ok());
         return v.device().ConsiderRoot(ExampleRootFile());
       }},
      {"a bundle by a key that a rotation removed", Refusal::kUnknownKey,
       [](Victim& v) {
         v1::TrustRoot next = ExampleRoot();
         next.set_version(2);
         const std::string gone = KeyOf(kProviderBen).key_id();
         for (int role : {0, 1}) {
           auto* ids = next.mutable_roles(role)->mutable_key_ids();
           ids->erase(std::find(ids->begin(), ids->end(), gone));
         }
         next.mutable_keys()->DeleteSubrange(1, 1);
         EXPECT_EQ(v.OfferRoots({SignRoot(
                       next, {kProviderAda, kSchoolHead, kSchoolLead})}),
                   absl::OkStatus());
         return v.Offer(
             {.version = 11, .release = {kProviderBen, kSchoolHead}});
       }},
      {"a root file cut short", Refusal::kMalformed,
       [](Victim& v) {
         return v.device().ConsiderRoot(ExampleRootFile().substr(0, 500));
       }},
      {"a root file of a megabyte", Refusal::kOversized,
       [](Victim& v) {
         return v.device().ConsiderRoot(std::string(1 << 20, 'A'));
       }},
      {"an empty chain", Refusal::kMalformed,
       [](Victim& v) { return v.OfferRoots({}); }},
  };
}

// Whoever replaces the root owns the device.
TEST(AttackTest, RootsAreRefused) { ExpectRefused(RootAttacks()); }

}  // namespace
}  // namespace schoolgate::rules
