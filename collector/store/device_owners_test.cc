#include "collector/store/device_owners.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'795'338'000);

Device Numbered(const std::string& id, const std::string& number) {
  Device device;
  device.id = id;
  device.school = "oak";
  device.inventory_number = number;
  return device;
}

class DeviceOwnersTest : public testing::Test {
 protected:
  DeviceOwnersTest() {
    auto store = OpenSqliteAgreementStore(scratch_.path() + "/agreements.db");
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void Put(const std::string& key, const std::vector<std::string>& aliases) {
    ASSERT_TRUE(PutOwners(*store_, "oak", key, aliases, "it", kNow).ok());
  }

  Scratch scratch_;
  std::unique_ptr<AgreementStore> store_;
};

// Otherwise a teacher's own laptop would be said to be used by a stranger.
TEST_F(DeviceOwnersTest, OwnersAndSupportFitAndOthersDoNot) {
  const Device laptop = Numbered("D-1", "OAK-104");
  Put(OwnerKey(laptop), {"P-OWNER", "P-SHARE"});
  Put(SupportKey(), {"P-SUPPORT"});
  const auto owners = OwnersOf(*store_, "oak");
  ASSERT_TRUE(owners.ok());
  for (const char* alias : {"P-OWNER", "P-SHARE", "P-SUPPORT"}) {
    EXPECT_TRUE(owners->Fits(laptop, alias)) << alias;
  }
  EXPECT_FALSE(owners->Fits(laptop, "P-OTHER"));
  EXPECT_EQ(owners->AliasesFor(laptop).size(), 3u);
  // What is nobody's own is everybody's.
  const Device other = Numbered("D-2", "OAK-105");
  EXPECT_TRUE(owners->Fits(other, "P-OTHER"));
  EXPECT_TRUE(owners->AliasesFor(other).empty());
}

// A laptop that is made anew gets another id.
TEST_F(DeviceOwnersTest, AMachineMadeAnewStaysItsOwners) {
  Put(OwnerKeyOfNumber(" OAK-104 "), {"P-OWNER"});
  const auto owners = OwnersOf(*store_, "oak");
  ASSERT_TRUE(owners.ok());
  EXPECT_FALSE(owners->Fits(Numbered("D-NEW", "oak-104"), "P-OTHER"));
  EXPECT_NE(OwnersOf(*store_, "elm")->size(), owners->size());
}

TEST_F(DeviceOwnersTest, WhoGivesItBackHasItNoMore) {
  Put("device D-1", {"P-OWNER"});
  Put("device D-1", {});
  Put("device D-1", {});
  EXPECT_EQ(OwnersOf(*store_, "oak")->size(), 0u);
  EXPECT_FALSE(PutOwners(*store_, "oak", "device D-1",
                         std::vector<std::string>(kMostOwners + 1, "P-X"), "it",
                         kNow)
                   .ok());
}

// A change by the command line would else be known after a restart only.
TEST_F(DeviceOwnersTest, AChangeIsKnownSoon) {
  platform::ManualClock clock(kNow);
  DeviceOwners owners(*store_, clock);
  const Device laptop = Numbered("D-1", "");
  EXPECT_TRUE(owners.Of("oak")->Fits(laptop, "P-OTHER"));
  Put(OwnerKey(laptop), {"P-OWNER"});
  clock.Advance(DeviceOwners::kFresh);
  EXPECT_FALSE(owners.Of("oak")->Fits(laptop, "P-OTHER"));
}

}  // namespace
}  // namespace schoolgate::collector
