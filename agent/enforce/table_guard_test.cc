#include "agent/enforce/table_guard.h"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "agent/enforce/filter_rule.h"
#include "agent/enforce/kernel_table.h"
#include "agent/enforce/own_network_test.h"
#include "agent/enforce/table_batch.h"

namespace schoolgate::agent {
namespace {

// The kernel's own packet filter, in a network of the test's own: needs root.
class TableGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!network_.made()) GTEST_SKIP() << "may not make a network of its own";
    ours_ = *TableSocket::Open();
    // Not owned: anybody may change it.
    options_.owned = false;
    const absl::Status installed = InstallKernelTable(options_, *ours_);
    if (absl::IsUnimplemented(installed)) GTEST_SKIP() << installed;
    ASSERT_TRUE(installed.ok()) << installed;
    guard_ = *TableGuard::Open(options_.name);
    guard_->Remember();
  }

  void TearDown() override { EndOther(); }

  // Another program that commits rules as fast as it can, as a firewall does
  // that bans an address after the other.
  void StartOther() {
    commits_ = static_cast<std::atomic<int>*>(
        mmap(nullptr, sizeof(*commits_), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(commits_, MAP_FAILED);
    busy_ = fork();
    if (busy_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto theirs = TableSocket::Open();
    for (;; ++*commits_) {
      Batch batch;
      batch.Table(NFT_MSG_NEWTABLE, "theirs", NLM_F_CREATE);
      batch.Chain("theirs", "bans");
      for (int rule = 0; rule < 4; ++rule) {
        batch.Add(Rule("theirs", "bans").Count().Drop());
      }
      batch.Table(NFT_MSG_DELTABLE, "theirs", 0);
      if (batch.Commit(**theirs) != 0) _exit(1);
    }
  }

  void EndOther() {
    if (busy_ <= 0) return;
    kill(busy_, SIGKILL);
    waitpid(busy_, nullptr, 0);
    busy_ = 0;
    munmap(commits_, sizeof(*commits_));
  }

  int Add(const Rule& rule) {
    Batch batch;
    batch.Add(rule);
    return batch.Commit(**TableSocket::Open());
  }

  OwnNetwork network_;
  pid_t busy_ = 0;
  std::atomic<int>* commits_ = nullptr;  // of the other program
  KernelTableOptions options_;
  std::unique_ptr<TableSocket> ours_;
  std::unique_ptr<TableGuard> guard_;
};

TEST_F(TableGuardTest, AnotherProgramThatIsBusyWithItsOwnRulesIsNoTampering) {
  StartOther();
  int changed = 0;
  while (*commits_ < 2000) changed += !guard_->Intact();
  EXPECT_EQ(changed, 0);
  EXPECT_EQ(guard_->unsure(), 0u);
}

// What is remembered in its midst is the whole.
TEST_F(TableGuardTest, WhatIsRememberedBesideABusyProgramIsWhole) {
  StartOther();
  while (*commits_ < 500) {
    guard_->Remember();
    ASSERT_TRUE(guard_->Intact()) << *commits_;
  }
  EXPECT_EQ(guard_->unsure(), 0u);
  EndOther();
  EXPECT_TRUE(guard_->Intact());
}

TEST_F(TableGuardTest, ARealChangeIsSeenAtOnceBesideABusyProgram) {
  StartOther();
  while (*commits_ < 10) ASSERT_TRUE(guard_->Intact());
  ASSERT_EQ(Add(Rule(options_.name, "blocked").Accept()), 0);
  EXPECT_FALSE(guard_->Intact());
  EXPECT_FALSE(guard_->Intact());  // until it is mended

  ASSERT_TRUE(InstallKernelTable(options_, *ours_).ok());
  guard_->Remember();
  ASSERT_TRUE(guard_->Intact());
  ASSERT_TRUE(RemoveKernelTable(options_.name, **TableSocket::Open()).ok());
  EXPECT_FALSE(guard_->Intact());
  EXPECT_FALSE(guard_->Intact());

  // The same rules, but not ours: packets that were held have been lost.
  ASSERT_TRUE(InstallKernelTable(options_, *ours_).ok());
  EXPECT_FALSE(guard_->Intact());
}

}  // namespace
}  // namespace schoolgate::agent
