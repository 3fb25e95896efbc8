#include "collector/fleet/rules_out.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "collector/fleet/rings.h"
#include "collector/store/begun_log_test.h"

namespace schoolgate::collector {
namespace {

class RulesOutTest : public testing::Test {
 protected:
  RulesOutTest() {
    std::string name = testing::TempDir() + "/rules-out.XXXXXX";
    folder_ = mkdtemp(name.data());
    shelf_ = std::make_unique<BundleShelf>(folder_ + "/bundles");
    papers_ = std::make_unique<PaperShelf>(folder_ + "/papers");
    out_ = std::make_unique<RulesOut>(*shelf_, *papers_);
  }
  ~RulesOutTest() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& bytes) {
    std::ofstream(folder_ + "/file") << bytes;
    return folder_ + "/file";
  }
  void PlacePaper(const std::string& name, const std::string& text,
                  const std::string& school = "",
                  absl::Time ends = absl::InfiniteFuture()) {
    ASSERT_TRUE(
        papers_->Place({v1::Paper::KIND_ORDER, name, ends}, text, school, now_)
            .ok());
    ASSERT_TRUE(shelf_->NoteChange().ok());
    EXPECT_TRUE(out_->Refresh());
  }
  uint64_t Offered(const std::string& device,
                   const std::string& school = "oak") {
    out_->Refresh();
    const auto offer = out_->OfferFor(device, school, "");
    return offer ? offer->version() : 0;
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::string folder_;
  std::unique_ptr<BundleShelf> shelf_;
  std::unique_ptr<PaperShelf> papers_;
  std::unique_ptr<RulesOut> out_;
};

TEST_F(RulesOutTest, ASchoolsOwnRulesComeBeforeThoseForAll) {
  EXPECT_EQ(Offered("D-1"), 0u);
  ASSERT_TRUE(shelf_->Place(File("all"), 3, "").ok());
  EXPECT_EQ(Offered("D-1"), 3u);
  ASSERT_TRUE(shelf_->Place(File("oak"), 2, "oak").ok());
  EXPECT_EQ(Offered("D-1"), 2u);
  EXPECT_EQ(Offered("D-1", "elm"), 3u);
}

TEST_F(RulesOutTest, ADeltaIsOfferedToWhoeverHasItsBase) {
  const auto old = shelf_->Place(File("old"), 1, "");
  const auto next = shelf_->Place(File("new"), 2, "");
  ASSERT_TRUE(old.ok() && next.ok());
  const auto delta = shelf_->PlaceDelta(File("d"), old->hash, next->hash, "");
  ASSERT_TRUE(delta.ok());
  out_->Refresh();
  EXPECT_EQ(out_->OfferFor("D-1", "oak", old->hash)->delta_hash(), delta->hash);
  EXPECT_EQ(out_->OfferFor("D-1", "oak", std::string(32, 'x'))->delta_hash(),
            "");
  EXPECT_EQ(*shelf_->Read(delta->hash, 0, 10), "d");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(shelf_
                    ->PlaceDelta(File(std::string(i + 2, 'd')), old->hash,
                                 next->hash, "")
                    .ok());
  }
  EXPECT_EQ(shelf_->Deltas("").size(), BundleShelf::kMostDeltas);
  EXPECT_FALSE(shelf_->Read(delta->hash, 0, 10).ok()) << "made room";
}

TEST_F(RulesOutTest, AReleaseInRingsReachesOnlyItsRing) {
  ASSERT_TRUE(shelf_->Place(File("old"), 1, "").ok());
  Rollout rollout;
  rollout.bundle = *shelf_->Lay(File("new"), 2, "");
  rollout.canary = "D-1";
  rollout.ring = Ring::kTrial;
  ASSERT_TRUE(shelf_->SaveRollout(rollout, "").ok());
  EXPECT_EQ(Offered("D-1"), 2u);
  EXPECT_TRUE(out_->OfferFor("D-1", "oak", "")->trial());
  rollout.ring = Ring::kOne;
  ASSERT_TRUE(shelf_->SaveRollout(rollout, "").ok());
  EXPECT_EQ(Offered("D-1"), 2u);
  EXPECT_FALSE(out_->OfferFor("D-1", "oak", "")->trial());
  EXPECT_EQ(Offered("D-2"), 1u);
  EXPECT_FALSE(shelf_->Place(File("other"), 2, "").ok())
      << "somebody has version 2 already";
  rollout.paused = true;
  ASSERT_TRUE(shelf_->SaveRollout(rollout, "").ok());
  EXPECT_EQ(Offered("D-1"), 1u);
}

// Orders are sent again when they change, not whenever anything does.
TEST_F(RulesOutTest, APaperStaysTheSameObjectUntilItChanges) {
  PlacePaper("pass-1", "one");
  const auto before = out_->PapersFor("oak");
  ASSERT_EQ(before.size(), 1u);
  EXPECT_FALSE(out_->Refresh()) << "nothing new";
  PlacePaper("block-1", "two", "oak");
  const auto after = out_->PapersFor("oak");
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0], before[0]);
  EXPECT_EQ(out_->PapersFor("elm").size(), 1u) << "another school's block";
  PlacePaper("pass-1", "withdrawn");
  EXPECT_NE(out_->PapersFor("oak")[0], before[0]);
}

TEST_F(RulesOutTest, PapersComeInTheOrderInWhichTheyAreJudged) {
  PlacePaper("block-1", "b");
  PlacePaper("timestamp", "t");
  PlacePaper("root", "r");
  const auto papers = out_->PapersFor("");
  ASSERT_EQ(papers.size(), 3u);
  EXPECT_EQ(papers[0]->paper.kind(), v1::Paper::KIND_ROOT);
  EXPECT_EQ(papers[1]->facts.name, "timestamp");
}

TEST_F(RulesOutTest, WhatIsOverIsClearedAwayAndTheRestHasALimit) {
  PlacePaper("pass-old", "p", "", now_ - absl::Seconds(1));
  PlacePaper("pass-new", "p", "", now_ + absl::Hours(1));
  EXPECT_EQ(out_->PapersFor("").size(), 1u);
  for (size_t i = 1; i < PaperShelf::kMostPapers; ++i) {
    ASSERT_TRUE(papers_
                    ->Place({v1::Paper::KIND_ORDER, "b-" + std::to_string(i)},
                            "b", "", now_)
                    .ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(
      papers_->Place({v1::Paper::KIND_ORDER, "one-more"}, "b", "", now_)));
  EXPECT_TRUE(
      papers_->Place({v1::Paper::KIND_ORDER, "b-1"}, "c", "", now_).ok())
      << "in the place of another";
}

class RingsTest : public RulesOutTest {
 protected:
  RingsTest() {
    devices_ = *OpenSqliteDeviceStore(folder_ + "/main.sqlite");
    audit_ = BegunAuditLog(folder_ + "/main.sqlite");
    rings_ = std::make_unique<Rings>(*shelf_, *devices_, *audit_);
    old_ = *shelf_->Place(File("old"), 1, "");
    rollout_.bundle = *shelf_->Lay(File("new"), 2, "");
    rollout_.canary = "D-1";
    rollout_.since = now_;
    EXPECT_TRUE(shelf_->SaveRollout(rollout_, "").ok());
  }
  void Report(const char* id, uint64_t version, const std::string& trouble) {
    Device device;
    device.id = id;
    device.school = "oak";
    device.heartbeat.set_bundle_version(version);
    device.heartbeat.set_rules_trouble(trouble);
    device.heartbeat_time = now_ + absl::Minutes(1);
    ASSERT_TRUE(devices_->Put(device).ok());
    DeviceContact contact;
    contact.id = id;
    contact.heartbeat = device.heartbeat;
    contact.heartbeat_time = device.heartbeat_time;
    ASSERT_TRUE(devices_->RecordContacts({&contact, 1}).ok());
  }

  std::unique_ptr<DeviceStore> devices_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Rings> rings_;
  ShelvedBundle old_;
  Rollout rollout_;
};

TEST_F(RingsTest, AReleaseGoesThroughItsRingsByItself) {
  Report("D-1", 2, "");
  rings_->Turn(now_ + absl::Minutes(10));
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kOne);
  rings_->Turn(now_ + absl::Minutes(31));
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kFew);
  rings_->Turn(now_ + absl::Minutes(32));
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kFew);
  EXPECT_EQ(shelf_->Current("oak")->version, 1u);
  rings_->Turn(now_ + absl::Minutes(62));
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kAll);
  EXPECT_EQ(shelf_->Current("oak")->version, 2u);
}

// Nobody watches on a Friday evening.
TEST_F(RingsTest, ABadReleaseIsRolledBackToItsFallback) {
  rollout_.fallback = *shelf_->Lay(File("old content again"), 3, "");
  ASSERT_TRUE(shelf_->SaveRollout(rollout_, "").ok());
  Report("D-1", 1, "rules 2: put back: blocks deb.debian.org for staff");
  rings_->Turn(now_ + absl::Minutes(2));
  EXPECT_TRUE(shelf_->RolloutOf("")->paused);
  EXPECT_NE(shelf_->RolloutOf("")->why.find("deb.debian.org"),
            std::string::npos);
  EXPECT_EQ(Offered("D-1"), 3u);
  EXPECT_EQ(Offered("D-2"), 3u);
}

TEST_F(RingsTest, WithoutAFallbackItStopsAndSaysWhatToDo) {
  Report("D-1", 1, "rules 2: put back: blocks deb.debian.org for staff");
  rings_->Turn(now_ + absl::Minutes(2));
  EXPECT_TRUE(shelf_->RolloutOf("")->paused);
  EXPECT_EQ(Offered("D-2"), 1u);
  const absl::Status status =
      rings_->RollBack("", "test", "by hand", now_ + absl::Minutes(3));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(std::string(status.message()).find("as version 3"),
            std::string::npos)
      << status;
}

TEST_F(RingsTest, PeopleMayPauseAndGoOn) {
  EXPECT_TRUE(absl::IsNotFound(rings_->Pause("oak", "test", "why", now_)));
  ASSERT_TRUE(rings_->Pause("", "test", "a question", now_).ok());
  EXPECT_EQ(Offered("D-1"), 1u);
  ASSERT_TRUE(rings_->GoOn("", "test", now_).ok());
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kOne);
  EXPECT_EQ(Offered("D-1"), 2u);
  ASSERT_TRUE(rings_->GoOn("", "test", now_).ok());
  EXPECT_EQ(shelf_->RolloutOf("")->ring, Ring::kFew);
}

}  // namespace
}  // namespace schoolgate::collector
