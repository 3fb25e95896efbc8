// Bundles that a device must not take: damaged, badly signed, old.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "rules/trust/example/victim.h"

namespace schoolgate::rules {
namespace {

std::vector<Attack> FileAttacks() {
  return {
      {"a file that is not there", Refusal::kUnreadable,
       [](Victim& v) {
         return v.device().Consider(v.folder() + "/none", ExampleTime());
       }},
      {"a folder", Refusal::kUnreadable,
       [](Victim& v) {
         return v.device().Consider(v.folder(), ExampleTime());
       }},
      {"a named pipe that never ends", Refusal::kUnreadable,
       [](Victim& v) {
         EXPECT_EQ(mkfifo((v.folder() + "/pipe").c_str(), 0600), 0);
         return v.device().Consider(v.folder() + "/pipe", ExampleTime());
       }},
      {"endless zeros", Refusal::kUnreadable,
       [](Victim& v) {
         return v.device().Consider("/dev/zero", ExampleTime());
       }},
      {"a file of 300 MB", Refusal::kOversized,
       [](Victim& v) {
         WriteBytes(v.path(), v.Make({.version = 11}));
         std::filesystem::resize_file(v.path(), 300ull << 20);
         return v.device().Consider(v.path(), ExampleTime());
       }},
      {"an empty file", Refusal::kTruncated,
       [](Victim& v) { return v.OfferBytes(""); }},
      {"half a file header", Refusal::kTruncated,
       [](Victim& v) { return v.OfferBytes("SGBUNDLE\1"); }},
      {"a web page", Refusal::kMalformed,
       [](Victim& v) {
         return v.OfferBytes("<html>Log in to the Wi-Fi</html>");
       }},
      ByBytes("the last byte missing", Refusal::kTruncated,
              [](std::string& b) { b.pop_back(); }),
      ByBytes("half of it missing", Refusal::kTruncated,
              [](std::string& b) { b.resize(b.size() / 2); }),
      ByBytes("one byte more", Refusal::kOversized,
              [](std::string& b) { b.push_back(0); }),
      ByBytes("a later format", Refusal::kMalformed,
              [](std::string& b) { b[8] = 9; }),
      ByBytes("a manifest of 4 GB", Refusal::kMalformed,
              [](std::string& b) { b.replace(12, 4, "\xff\xff\xff\xff"); }),
      ByBytes("signatures of 4 GB", Refusal::kMalformed,
              [](std::string& b) { b.replace(16, 4, "\xff\xff\xff\xff"); }),
      ByBytes("a changed byte in the last section", Refusal::kSectionHash,
              [](std::string& b) { b.back() ^= 1; }),
      ByBytes("a changed byte in the policy", Refusal::kSectionHash,
              [](std::string& b) { b[4096 + 20] ^= 1; }),
      {"sections of another bundle under this head", Refusal::kSectionHash,
       [](Victim& v) {
         ExampleBundle other{.version = 11};
         other.policy.set_title("Example Pramiry");
         const std::string head = v.Make({.version = 11}).substr(0, 4096);
         return v.OfferBytes(head + v.Make(other).substr(4096));
       }},
      {"the head of the new on the body of the old", Refusal::kSectionHash,
       [](Victim& v) {
         ExampleBundle next{.version = 11};
         next.policy.set_title("Example Primarx");
         return v.OfferBytes(v.Make(next).substr(0, 4096) +
                             v.Make({}).substr(4096));
       }},
      {"a signed policy with a rule out of range", Refusal::kBadContent,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11};
         bundle.policy.mutable_matrix(0)->set_groups(0, 77);
         return v.Offer(bundle);
       }},
      {"a signed policy without groups", Refusal::kBadContent,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11};
         bundle.policy.clear_groups();
         return v.Offer(bundle);
       }},
  };
}

std::vector<Attack> SignatureAttacks() {
  using Block = v1::BundleSignatures;
  return {
      {"no signature", Refusal::kTooFewSignatures,
       [](Victim& v) { return v.Offer({.version = 11, .release = {}}); }},
      {"one signature of the provider", Refusal::kTooFewSignatures,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kProviderAda}});
       }},
      {"one signature of the school", Refusal::kTooFewSignatures,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kSchoolHead}});
       }},
      {"the same key twice", Refusal::kSameKeyTwice,
       [](Victim& v) {
         return v.OfferSigned({.version = 11, .release = {kProviderAda}},
                              [](Block* block) {
                                *block->add_signatures() = block->signatures(0);
                              });
       }},
      {"the same key fifty times", Refusal::kSameKeyTwice,
       [](Victim& v) {
         return v.OfferSigned(
             {.version = 11, .release = {kProviderAda}}, [](Block* block) {
               for (int i = 0; i < 50; ++i) {
                 *block->add_signatures() = block->signatures(0);
               }
             });
       }},
      {"a hundred signatures", Refusal::kOversized,
       [](Victim& v) {
         return v.OfferSigned({.version = 11}, [](Block* block) {
           for (int i = 0; i < 100; ++i) {
             *block->add_signatures() = block->signatures(0);
           }
         });
       }},
      {"a key that nobody knows", Refusal::kUnknownKey,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kProviderAda, kStranger}});
       }},
      {"a stranger under the name of a known key", Refusal::kBadSignature,
       [](Victim& v) {
         return v.OfferSigned(
             {.version = 11, .release = {kProviderAda, kStranger}},
             [](Block* block) {
               block->mutable_signatures(1)->set_key_id(
                   KeyOf(kSchoolHead).key_id());
             });
       }},
      {"a key of the emergency role", Refusal::kWrongRole,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kProviderAda, kDeputy}});
       }},
      {"the timestamp server's key", Refusal::kWrongRole,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kSchoolHead, kServer}});
       }},
      {"the governor, who holds root only", Refusal::kWrongRole,
       [](Victim& v) {
         return v.Offer({.version = 11, .release = {kProviderAda, kGovernor}});
       }},
      {"signatures of the bundle before", Refusal::kBadSignature,
       [](Victim& v) {
         v.Make({});
         const Block old =
             (*BundleFile::Open(v.folder() + "/made"))->signatures();
         return v.OfferSigned({.version = 11},
                              [&](Block* block) { *block = old; });
       }},
      {"one bit of a signature", Refusal::kBadSignature,
       [](Victim& v) {
         return v.OfferSigned({.version = 11}, [](Block* block) {
           (*block->mutable_signatures(1)->mutable_signature())[5] ^= 1;
         });
       }},
      {"a signature cut short", Refusal::kBadSignature,
       [](Victim& v) {
         return v.OfferSigned({.version = 11}, [](Block* block) {
           block->mutable_signatures(1)->mutable_signature()->resize(63);
         });
       }},
      {"an empty signature", Refusal::kBadSignature,
       [](Victim& v) {
         return v.OfferSigned({.version = 11}, [](Block* block) {
           block->mutable_signatures(1)->clear_signature();
         });
       }},
      {"a release signature relabelled as the locked role's",
       Refusal::kTooFewSignatures,
       [](Victim& v) {
         return v.OfferSigned({.version = 11}, [](Block* block) {
           block->mutable_signatures(1)->set_role("locked");
         });
       }},
      {"the authority's locked signature relabelled as release",
       Refusal::kWrongRole,
       [](Victim& v) {
         return v.OfferSigned(
             {.version = 11, .release = {kProviderAda}, .locked = {kPolice}},
             [](Block* block) {
               block->mutable_signatures(1)->set_role("release");
             });
       }},
      {"a bundle of another school", Refusal::kWrongSchool,
       [](Victim& v) { return v.Offer({.id = "other", .version = 11}); }},
      {"a bundle for nobody", Refusal::kWrongSchool,
       [](Victim& v) { return v.Offer({.id = "", .version = 11}); }},
  };
}

std::vector<Attack> VersionAttacks() {
  return {
      {"yesterday's bundle", Refusal::kRollback,
       [](Victim& v) { return v.Offer({.version = 9}); }},
      {"the first bundle ever", Refusal::kRollback,
       [](Victim& v) { return v.Offer({.version = 1}); }},
      {"version zero", Refusal::kMalformed,
       [](Victim& v) { return v.Offer({.version = 0}); }},
      {"another bundle of the same version", Refusal::kEquivocation,
       [](Victim& v) {
         ExampleBundle bundle;
         bundle.policy.set_title("Other");
         return v.Offer(bundle);
       }},
      {"version 2^63", Refusal::kVersionJump,
       [](Victim& v) { return v.Offer({.version = 1ull << 63}); }},
      {"the largest version", Refusal::kVersionJump,
       [](Victim& v) { return v.Offer({.version = UINT64_MAX}); }},
      {"one more than the jump allowed", Refusal::kVersionJump,
       [](Victim& v) { return v.Offer({.version = 111}); }},
      {"a newer bundle kept back until it expired", Refusal::kExpired,
       [](Victim& v) {
         return v.Offer({.version = 11, .expires = ExampleTime()});
       }},
      {"a bundle older than the timestamp names", Refusal::kFreeze,
       [](Victim& v) {
         EXPECT_TRUE(v.OfferStamp(v.Stamp(), kServer).ok());
         return v.Offer({.version = 11});
       }},
      {"a bundle that is not the one the timestamp names",
       Refusal::kMixAndMatch,
       [](Victim& v) {
         EXPECT_TRUE(v.OfferStamp(v.Stamp(), kServer).ok());
         ExampleBundle bundle{.version = 12};
         bundle.policy.set_title("Other");
         return v.Offer(bundle);
       }},
      {"a timestamp by a release key", Refusal::kWrongRole,
       [](Victim& v) { return v.OfferStamp(v.Stamp(), kProviderAda); }},
      {"a timestamp by a stranger", Refusal::kUnknownKey,
       [](Victim& v) { return v.OfferStamp(v.Stamp(), kStranger); }},
      {"an older timestamp", Refusal::kRollback,
       [](Victim& v) {
         EXPECT_TRUE(v.OfferStamp(v.Stamp(5), kServer).ok());
         return v.OfferStamp(v.Stamp(4), kServer);
       }},
      {"two timestamps of one serial", Refusal::kEquivocation,
       [](Victim& v) {
         EXPECT_TRUE(v.OfferStamp(v.Stamp(5), kServer).ok());
         v1::TimestampOrder other = v.Stamp(5);
         other.set_bundle_version(13);
         return v.OfferStamp(other, kServer);
       }},
      {"a later timestamp that names an older bundle", Refusal::kRollback,
       [](Victim& v) {
         EXPECT_TRUE(v.OfferStamp(v.Stamp(5), kServer).ok());
         v1::TimestampOrder other = v.Stamp(6);
         other.set_bundle_version(11);
         return v.OfferStamp(other, kServer);
       }},
      {"a timestamp of next year", Refusal::kNotYetIssued,
       [](Victim& v) {
         v1::TimestampOrder stamp = v.Stamp();
         stamp.set_issued_unix_s(stamp.issued_unix_s() + 365 * 86400);
         return v.OfferStamp(stamp, kServer);
       }},
      {"another school's timestamp", Refusal::kWrongSchool,
       [](Victim& v) {
         v1::TimestampOrder stamp = v.Stamp();
         stamp.set_id("other");
         return v.OfferStamp(stamp, kServer);
       }},
  };
}

// A device would take rules from somebody who may not give them.
TEST(AttackTest, DamagedFilesAreRefused) { ExpectRefused(FileAttacks()); }
TEST(AttackTest, BadSignaturesAreRefused) { ExpectRefused(SignatureAttacks()); }
TEST(AttackTest, OldAndFarVersionsAreRefused) {
  ExpectRefused(VersionAttacks());
}

}  // namespace
}  // namespace schoolgate::rules
