#include "rules/trust/acceptance.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "rules/trust/disk.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::rules {
namespace {

class AcceptanceTest : public testing::Test {
 protected:
  AcceptanceTest() {
    std::string name = testing::TempDir() + "/acceptance.XXXXXX";
    folder_ = mkdtemp(name.data());
    Reopen();
  }
  ~AcceptanceTest() override { std::filesystem::remove_all(folder_); }

  void Reopen() {
    auto opened = Acceptance::Open(folder_ + "/rules");
    ASSERT_TRUE(opened.ok()) << opened.status();
    device_ = *std::move(opened);
  }
  void Enrol() { ASSERT_TRUE(device_->ConsiderRoot(ExampleRootFile()).ok()); }
  std::string Candidate() const { return folder_ + "/candidate"; }
  absl::Status Offer(const ExampleBundle& bundle,
                     absl::Time now = ExampleTime()) {
    WriteExample(Candidate(), bundle);
    return device_->Consider(Candidate(), now);
  }
  uint64_t CurrentVersion() const {
    const auto current = device_->OpenCurrent();
    return current.ok() ? current->version : 0;
  }

  std::string folder_;
  std::unique_ptr<Acceptance> device_;
};

// A device that was given good rules would not enforce them.
TEST_F(AcceptanceTest, TakesWhatProviderAndSchoolSigned) {
  Enrol();
  EXPECT_TRUE(absl::IsNotFound(device_->OpenCurrent().status()));
  EXPECT_EQ(Offer({}), absl::OkStatus());
  EXPECT_EQ(CurrentVersion(), 10u);
  EXPECT_EQ(Offer({.version = 11}), absl::OkStatus());
  EXPECT_EQ(CurrentVersion(), 11u);
  Reopen();
  EXPECT_EQ(CurrentVersion(), 11u);
  EXPECT_EQ(device_->state().bundle_version(), 11u);
}

// Lists that were built wrongly would block every site, or none.
TEST_F(AcceptanceTest, RefusesRulesThatFailTheirSelfTest) {
  Enrol();
  ExampleHosts tested = ExampleLists();
  const v1::CompiledPolicy policy = ExamplePolicy();
  for (const auto& category : policy.categories()) {
    tested[category.id() + ".check.schoolgate.test"] = {category.id()};
  }
  ASSERT_EQ(Offer({.hosts = tested}), absl::OkStatus());
  uint64_t version = 10;
  const auto refuses = [&](const ExampleHosts& hosts) {
    const auto status = Offer({.version = ++version, .hosts = hosts});
    EXPECT_EQ(RefusalOf(status), Refusal::kBadContent) << status;
    EXPECT_EQ(CurrentVersion(), 10u);
  };
  ExampleHosts lacking = tested;
  lacking.erase("adult.check.schoolgate.test");
  refuses(lacking);
  ExampleHosts crossed = tested;
  crossed["games.check.schoolgate.test"] = {"gambling"};
  refuses(crossed);
  for (const char* wide : {"co.uk", "com", "check.schoolgate.test"}) {
    ExampleHosts swept = tested;
    swept[wide] = {"gambling"};
    refuses(swept);
  }
  EXPECT_EQ(Offer({.version = ++version, .hosts = tested}), absl::OkStatus());
}

// Rules from nobody in particular would be enforced.
TEST_F(AcceptanceTest, TakesNothingBeforeItHasARoot) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Offer({})));
}

// One changed byte anywhere would change what children can reach.
TEST_F(AcceptanceTest, RefusesEveryChangedByte) {
  Enrol();
  ASSERT_TRUE(Offer({}).ok());
  const std::string good = WriteExample(Candidate(), {.version = 11});
  int accepted = 0;
  // All of the head; of the sections every seventh.
  for (size_t at = 0; at < good.size(); at += at < 4096 ? 1 : 7) {
    // Padding is many zeros; the first and last of each run stand for all.
    if (at > 0 && at + 1 < good.size() && good[at] == 0 && good[at - 1] == 0 &&
        good[at + 1] == 0) {
      continue;
    }
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    WriteBytes(Candidate(), changed);
    const absl::Status status = device_->Consider(Candidate(), ExampleTime());
    if (status.ok()) ++accepted;
    EXPECT_TRUE(RefusalOf(status)) << at << ": " << status;
  }
  EXPECT_EQ(accepted, 0);
  EXPECT_EQ(CurrentVersion(), 10u);
}

// A thief who brings last year's rules back would undo this year's blocks.
TEST_F(AcceptanceTest, NeverGoesBackEvenWhenItsBundleIsGone) {
  Enrol();
  ASSERT_TRUE(Offer({.version = 12}).ok());
  EXPECT_EQ(RefusalOf(Offer({.version = 11})), Refusal::kRollback);
  for (const char* name :
       {"current.bundle", "previous-1.bundle", "previous-2.bundle"}) {
    RemoveFile(folder_ + "/rules/" + name);
  }
  Reopen();
  EXPECT_EQ(RefusalOf(Offer({.version = 11})), Refusal::kRollback);
  EXPECT_EQ(Offer({.version = 12}), absl::OkStatus());
}

// With one copy of the state lost, old rules could come back.
TEST_F(AcceptanceTest, RemembersTheVersionInTwoPlaces) {
  Enrol();
  ASSERT_TRUE(Offer({.version = 12}).ok());
  for (const char* lost : {"state.a", "state.b"}) {
    const std::string path = folder_ + "/rules/" + lost;
    const std::string kept = ReadBytes(path);
    WriteBytes(path, "rubbish");
    RemoveFile(folder_ + "/rules/current.bundle");
    Reopen();
    EXPECT_EQ(RefusalOf(Offer({.version = 11})), Refusal::kRollback) << lost;
    WriteBytes(path, kept);
  }
}

// A laptop whose clock battery is flat would lose its rules.
TEST_F(AcceptanceTest, NoClockTakesTheRulesAway) {
  Enrol();
  ASSERT_TRUE(Offer({}).ok());
  for (const absl::Time now :
       {absl::UnixEpoch(), ExampleTime() + absl::Hours(24 * 365 * 11)}) {
    Reopen();
    EXPECT_EQ(CurrentVersion(), 10u);
    EXPECT_EQ(Offer({.version = 10}, now), absl::OkStatus());
  }
  EXPECT_EQ(Offer({.version = 11}, absl::UnixEpoch()), absl::OkStatus());
  EXPECT_EQ(device_->StalenessAt(absl::UnixEpoch()).freshness,
            Freshness::kUnknown);
}

// A publisher that fell silent would go unnoticed.
TEST_F(AcceptanceTest, SilenceIsAnAlarmNotAnEnd) {
  Enrol();
  ASSERT_TRUE(Offer({}).ok());
  const auto at = [&](absl::Duration later) {
    return device_->StalenessAt(ExampleTime() + later);
  };
  EXPECT_EQ(at(absl::Hours(23)).freshness, Freshness::kFresh);
  EXPECT_EQ(at(absl::Hours(24)).freshness, Freshness::kLate);
  EXPECT_EQ(at(absl::Hours(72)).freshness, Freshness::kStale);
  EXPECT_EQ(at(absl::Hours(14 * 24)).freshness, Freshness::kOverdue);
  EXPECT_FALSE(at(absl::Hours(14 * 24)).expired);
  EXPECT_TRUE(at(absl::Hours(91 * 24)).expired);
  EXPECT_EQ(CurrentVersion(), 10u);
}

// A damaged disk block would leave a classroom without a filter.
TEST_F(AcceptanceTest, FallsBackToThePreviousBundle) {
  Enrol();
  ASSERT_TRUE(Offer({.version = 10}).ok());
  ASSERT_TRUE(Offer({.version = 11}).ok());
  ASSERT_TRUE(Offer({.version = 12}).ok());
  const std::string current = folder_ + "/rules/current.bundle";
  WriteBytes(current, ReadBytes(current).substr(0, 100));
  Reopen();
  const auto found = device_->OpenCurrent();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->version, 11u);
  EXPECT_FALSE(found->fallback.ok());
  // The same release again repairs the device; an older one does not.
  EXPECT_EQ(RefusalOf(Offer({.version = 11})), Refusal::kRollback);
  EXPECT_EQ(Offer({.version = 12}), absl::OkStatus());
  EXPECT_EQ(CurrentVersion(), 12u);
}

// A power cut between two renames would leave no rules, or refuse to start.
TEST_F(AcceptanceTest, EveryHalfDoneSwapStillOpens) {
  Enrol();
  ASSERT_TRUE(Offer({.version = 10}).ok());
  ASSERT_TRUE(Offer({.version = 11}).ok());
  const std::string rules = folder_ + "/rules/";
  WriteExample(rules + "candidate.bundle", {.version = 12});
  // Cut after previous-1 moved on, before current was linked there.
  ASSERT_TRUE(
      RenameDurably(rules + "previous-1.bundle", rules + "previous-2.bundle")
          .ok());
  Reopen();
  EXPECT_EQ(CurrentVersion(), 11u);
  EXPECT_FALSE(FileExists(rules + "candidate.bundle"));
  // Cut after the rename, before the state was written.
  WriteExample(rules + "current.bundle", {.version = 12});
  Reopen();
  EXPECT_EQ(CurrentVersion(), 12u);
  EXPECT_EQ(RefusalOf(Offer({.version = 11})), Refusal::kRollback);
  EXPECT_EQ(Offer({.version = 13}), absl::OkStatus());
}

// After a thief of keys jumped the version, no honest release would fit.
TEST_F(AcceptanceTest, ARotationMayForgiveAJump) {
  Enrol();
  ASSERT_TRUE(Offer({.version = 100}).ok());
  EXPECT_EQ(RefusalOf(Offer({.version = 20})), Refusal::kRollback);
  v1::TrustRoot next = ExampleRoot();
  next.set_version(2);
  next.set_version_epoch(1);
  v1::RootChain chain;
  *chain.add_roots() = SignRoot(
      ExampleRoot(),
      {Holder::kProviderAda, Holder::kSchoolHead, Holder::kSchoolLead});
  *chain.add_roots() = SignRoot(
      next, {Holder::kProviderBen, Holder::kSchoolHead, Holder::kSchoolLead});
  ASSERT_EQ(device_->ConsiderRoot(RootFileText(chain)), absl::OkStatus());
  Reopen();
  EXPECT_EQ(CurrentVersion(), 100u);
  EXPECT_EQ(Offer({.version = 20}), absl::OkStatus());
  EXPECT_EQ(CurrentVersion(), 20u);
  EXPECT_EQ(RefusalOf(Offer({.version = 19})), Refusal::kRollback);
}

}  // namespace
}  // namespace schoolgate::rules
