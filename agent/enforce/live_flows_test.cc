#include "agent/enforce/live_flows.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>

#include "agent/enforce/kernel_table.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::agent {
namespace {

// A kernel whose connections are told apart by the client's port.
class MarkedPorts : public platform::FlowMarker {
 public:
  bool Mark(bool, const platform::SocketAddress& local,
            const platform::SocketAddress&, uint32_t mark,
            uint32_t mask) override {
    EXPECT_EQ(mark, kMarkBlock);
    EXPECT_EQ(mask, kMarkBits);
    return ports.insert(local.port).second;
  }
  bool IsOver(bool, const platform::SocketAddress& local,
              const platform::SocketAddress&) override {
    ++asked;
    return over.contains(local.port);
  }
  std::set<uint16_t> ports, over;
  size_t asked = 0;
};

class LiveFlowsTest : public testing::Test {
 protected:
  LiveFlowsTest() {
    std::string name = testing::TempDir() + "/flows.XXXXXX";
    folder_ = mkdtemp(name.data());
    rules_ = Rules({});
    now_.at = rules::ExampleTime();
    now_.device = "D-1";
    now_.boot_us = 5'000'000'000;
    now_.boot_id = "boot";
  }
  ~LiveFlowsTest() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<const rules::Ruleset> Rules(rules::ExampleHosts more) {
    rules::ExampleBundle bundle;
    bundle.hosts.insert(more.begin(), more.end());
    rules::WriteExample(folder_ + "/rules", bundle);
    return *rules::Ruleset::Open(folder_ + "/rules");
  }

  void Open(uint16_t port, const std::string& host,
            const rules::Ruleset& rules) {
    Observation seen;
    seen.time_us = absl::ToUnixMicros(now_.at);
    seen.source = NameSource::kTls;
    seen.transport = Transport::kTcp;
    seen.name = host;
    seen.src.port = port;
    seen.dst.port = 443;
    Who who;
    who.group = "pupils";
    rules::Question question = now_;
    question.host = host;
    question.group = who.group;
    flows_.Remember(seen, who, rules::Decide(rules, question));
  }

  void Pass(absl::Duration by) {
    now_.at += by;
    now_.boot_us += absl::ToInt64Microseconds(by);
    flows_.ForgetNames(now_.at);
    flows_.OnTime(*rules_, now_, marker_);
  }

  static v1::Overlays Block(const std::string& host) {
    v1::Overlays overlays;
    v1::EmergencyBlock& block = *overlays.add_blocks();
    block.set_id("block");
    block.add_hosts(host);
    block.set_countersigned(true);
    return overlays;
  }
  v1::Overlays SocialPass(absl::Duration length) const {
    v1::Overlays overlays;
    v1::LessonPass& pass = *overlays.add_passes();
    pass.set_id("pass");
    pass.add_hosts("social.test");
    pass.add_groups("pupils");
    pass.set_start_unix_s(absl::ToUnixSeconds(now_.at));
    pass.set_end_unix_s(absl::ToUnixSeconds(now_.at + length));
    pass.set_boot_id("boot");
    pass.set_boot_deadline_us(now_.boot_us + absl::ToInt64Microseconds(length));
    return overlays;
  }

  std::string folder_;
  std::shared_ptr<const rules::Ruleset> rules_;
  rules::Question now_;
  LiveFlows flows_{"key"};
  MarkedPorts marker_;
};

using Ports = std::set<uint16_t>;

// A film that was blocked for everybody would run on to its end.
TEST_F(LiveFlowsTest, AnEmergencyBlockCutsWhatRunsAndNothingElse) {
  Open(1, "www.film.test", *rules_);
  Open(2, "learn.test", *rules_);
  const auto blocked = rules_->WithOverlays(Block("film.test"));
  EXPECT_EQ(flows_.CutForbidden(*rules_, *blocked, now_, marker_), 1u);
  EXPECT_EQ(marker_.ports, Ports({1}));
}

// Names are kept for a minute only; a long download is cut all the same.
TEST_F(LiveFlowsTest, AForgottenNameIsFoundByItsFingerprint) {
  Open(1, "cdn.www.film.test", *rules_);
  Open(2, "www.film.test.other.test", *rules_);
  Pass(absl::Minutes(20));
  const auto blocked = rules_->WithOverlays(Block("film.test"));
  EXPECT_EQ(flows_.CutForbidden(*rules_, *blocked, now_, marker_), 1u);
  EXPECT_EQ(marker_.ports, Ports({1}));
}

// What a rule of the school allows by name must not be cut because its
// category is not allowed and its name is forgotten.
TEST_F(LiveFlowsTest, OnlyAChangeCutsAForgottenFlow) {
  const auto passed = rules_->WithOverlays(SocialPass(absl::Hours(1)));
  Open(1, "social.test", *passed);
  Pass(absl::Minutes(10));
  const auto both = passed->WithOverlays([&] {
    v1::Overlays overlays = passed->overlays();
    overlays.MergeFrom(Block("film.test"));
    return overlays;
  }());
  EXPECT_EQ(flows_.CutForbidden(*passed, *both, now_, marker_), 0u);
}

TEST_F(LiveFlowsTest, TheEndOfAPassCutsWhatItOpened) {
  const auto passed = rules_->WithOverlays(SocialPass(absl::Minutes(30)));
  Open(1, "social.test", *passed);
  Open(2, "learn.test", *passed);
  now_.at += absl::Minutes(31);
  now_.boot_us += absl::ToInt64Microseconds(absl::Minutes(31));
  flows_.OnTime(*passed, now_, marker_);
  flows_.CutForbidden(*passed, *rules_, now_, marker_);
  EXPECT_EQ(marker_.ports, Ports({1}));
}

TEST_F(LiveFlowsTest, ANewListCutsWhatBeganWithinTheMinute) {
  Open(1, "bets.test", *rules_);
  const auto next = Rules({{"bets.test", {"gambling"}}});
  EXPECT_EQ(flows_.CutForbidden(*rules_, *next, now_, marker_), 1u);
}

// The ports of a blocked download are used again by something harmless.
TEST_F(LiveFlowsTest, ANewConnectionOnTheSamePortsIsAnother) {
  Open(1, "film.test", *rules_);
  Endpoint client, server;
  client.port = 1;
  server.port = 443;
  flows_.Forget({Transport::kTcp, client, server});
  const auto blocked = rules_->WithOverlays(Block("film.test"));
  EXPECT_EQ(flows_.CutForbidden(*rules_, *blocked, now_, marker_), 0u);
}

TEST_F(LiveFlowsTest, KeepsNoMoreThanItMay) {
  for (size_t i = 0; i < LiveFlows::kMaxFlows + 100; ++i) {
    now_.at += absl::Milliseconds(1);
    Open(static_cast<uint16_t>(i), "learn.test", *rules_);
  }
  EXPECT_EQ(flows_.size(), LiveFlows::kMaxFlows);
  EXPECT_EQ(flows_.forgotten(), 100u);
}

// A film would run on after its block when its watcher has opened some hundred
// pages meanwhile.
TEST_F(LiveFlowsTest, WhatRunsStaysHoweverManyShortOnesFollow) {
  Open(1, "www.film.test", *rules_);
  for (uint16_t i = 2; i < 60'000; ++i) {
    now_.at += absl::Milliseconds(10);
    Open(i, "learn.test", *rules_);
    marker_.over.insert(i);
    if (i % 25 == 0) flows_.ForgetOver(marker_);
  }
  EXPECT_EQ(flows_.forgotten(), 0u);
  EXPECT_LT(marker_.asked, 120'000u);
  const auto blocked = rules_->WithOverlays(Block("film.test"));
  EXPECT_EQ(flows_.CutForbidden(*rules_, *blocked, now_, marker_), 1u);
  EXPECT_EQ(marker_.ports, Ports({1}));
}

TEST_F(LiveFlowsTest, NobodyAsksWhileThereIsRoomOrNothingCame) {
  for (uint16_t i = 1; i <= LiveFlows::kCrowd; ++i) {
    Open(i, "learn.test", *rules_);
  }
  flows_.ForgetOver(marker_);
  EXPECT_EQ(marker_.asked, 0u);
  Open(LiveFlows::kCrowd + 1, "learn.test", *rules_);
  flows_.ForgetOver(marker_);
  const size_t asked = marker_.asked;
  EXPECT_GT(asked, 0u);
  flows_.ForgetOver(marker_);
  EXPECT_EQ(marker_.asked, asked);
}

// A help-line is let run whatever is blocked.
TEST_F(LiveFlowsTest, NothingIsKeptOfAHelpline) {
  Open(1, "helpline.test", *rules_);
  EXPECT_EQ(flows_.size(), 0u);
}

}  // namespace
}  // namespace schoolgate::agent
