// A device under attack: what tests of refusals share.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rules/bundle/bundle_file.h"
#include "rules/bundle/little_endian.h"
#include "rules/trust/acceptance.h"
#include "rules/trust/example/example_school.h"
#include "rules/trust/order.h"

namespace schoolgate::rules {

using enum Holder;

// A device with root 1 and bundle 10, and an attacker's workbench beside it.
class Victim {
 public:
  Victim() {
    std::string name = testing::TempDir() + "/attack.XXXXXX";
    folder_ = mkdtemp(name.data());
    device_ = *Acceptance::Open(folder_ + "/rules");
    EXPECT_TRUE(device_->ConsiderRoot(ExampleRootFile()).ok());
    // Made once: fitting an index is most of the work.
    static const std::string* const kFirst =
        new std::string(Make(ExampleBundle()));
    EXPECT_TRUE(OfferBytes(*kFirst).ok());
  }
  ~Victim() { std::filesystem::remove_all(folder_); }

  absl::Status Offer(const ExampleBundle& bundle) {
    WriteExample(path(), bundle);
    return device_->Consider(path(), ExampleTime());
  }
  absl::Status OfferBytes(std::string_view bytes) {
    WriteBytes(path(), bytes);
    return device_->Consider(path(), ExampleTime());
  }
  std::string Make(const ExampleBundle& bundle) {
    return WriteExample(folder_ + "/made", bundle);
  }
  absl::Status OfferRoots(const std::vector<v1::SignedRoot>& roots) {
    v1::RootChain chain;
    for (const auto& root : roots) *chain.add_roots() = root;
    return device_->ConsiderRoot(RootFileText(chain));
  }
  // The bundle with its signature block changed.
  absl::Status OfferSigned(
      const ExampleBundle& bundle,
      const std::function<void(v1::BundleSignatures*)>& change) {
    WriteExample(path(), bundle);
    v1::BundleSignatures block = (*BundleFile::Open(path()))->signatures();
    change(&block);
    EXPECT_TRUE(ReplaceSignatures(path(), block).ok());
    return device_->Consider(path(), ExampleTime());
  }
  absl::Status OfferStamp(const v1::TimestampOrder& stamp, Holder signer) {
    v1::SignedOrder order;
    order.set_kind(v1::ORDER_KIND_TIMESTAMP);
    order.set_order(stamp.SerializeAsString());
    SignOrder(KeyOf(signer), &order);
    return device_->ConsiderTimestamp(OrderText(order), ExampleTime());
  }
  // As the publisher would: version 12 is the newest.
  v1::TimestampOrder Stamp(uint64_t serial = 5) {
    v1::TimestampOrder stamp;
    stamp.set_id("example-primary");
    stamp.set_serial(serial);
    stamp.set_issued_unix_s(absl::ToUnixSeconds(ExampleTime()));
    stamp.set_bundle_version(12);
    stamp.set_manifest_hash(HashOf({.version = 12}));
    return stamp;
  }
  std::string HashOf(const ExampleBundle& bundle) {
    Make(bundle);
    return Hash256(
        AsText((*BundleFile::Open(folder_ + "/made"))->manifest_bytes()));
  }

  const std::string& folder() const { return folder_; }
  std::string path() const { return folder_ + "/candidate"; }
  Acceptance& device() { return *device_; }

 private:
  std::string folder_;
  std::unique_ptr<Acceptance> device_;
};

struct Attack {
  const char* name;
  Refusal expected;
  std::function<absl::Status(Victim&)> run;
};

// Version 11, changed, signed by the provider's two alone.
inline Attack ByProviderAlone(const char* name,
                              std::function<void(ExampleBundle&)> change,
                              Refusal expected = Refusal::kLoosenedByOne) {
  return {name, expected, [change](Victim& victim) {
            ExampleBundle bundle{.version = 11,
                                 .release = {kProviderAda, kProviderBen}};
            change(bundle);
            return victim.Offer(bundle);
          }};
}

// A signed bundle whose bytes are then changed.
inline Attack ByBytes(const char* name, Refusal expected,
                      std::function<void(std::string&)> change) {
  return {name, expected, [change](Victim& victim) {
            std::string bytes = victim.Make({.version = 11});
            change(bytes);
            return victim.OfferBytes(bytes);
          }};
}

// Root 2, changed, signed by these.
inline Attack ByRoot(const char* name, Refusal expected,
                     std::function<void(v1::TrustRoot&)> change,
                     std::vector<Holder> signers = {kProviderAda, kSchoolHead,
                                                    kSchoolLead}) {
  return {name, expected, [change, signers](Victim& victim) {
            v1::TrustRoot root = ExampleRoot();
            root.set_version(2);
            change(root);
            return victim.OfferRoots({SignRoot(root, signers)});
          }};
}

// Runs each on a device of its own: it has to meet its refusal, and the rules
// in force have to stay.
inline void ExpectRefused(const std::vector<Attack>& attacks) {
  std::set<std::string> names;
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(attack.name);
    EXPECT_TRUE(names.insert(attack.name).second);
    Victim victim;
    const absl::Status status = attack.run(victim);
    const auto cause = RefusalOf(status);
    EXPECT_EQ(cause ? RefusalName(*cause) : status.ToString(),
              RefusalName(attack.expected))
        << status;
    EXPECT_FALSE(status.message().empty());
    const auto current = victim.device().OpenCurrent();
    ASSERT_TRUE(current.ok());
    EXPECT_EQ(current->version, 10u);
  }
  // scripts/prove counts them.
  testing::Test::RecordProperty("attacks", static_cast<int>(names.size()));
}

}  // namespace schoolgate::rules
