// Somebody would be accused of a tunnel for a long film, or a tunnel behind a
// famous name would pass as that name.
#include "agent/decide/flow_witness.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace schoolgate::agent {
namespace {

constexpr int64_t kSecond = 1'000'000;

class FlowWitnessTest : public testing::Test {
 protected:
  static Endpoint End(uint8_t first, uint8_t last, uint16_t port = 443) {
    Endpoint end;
    end.address[10] = end.address[11] = 0xff;
    end.address[12] = first;
    end.address[15] = last;
    end.port = port;
    return end;
  }

  void Ask(std::string_view name) {
    Observation seen;
    seen.time_us = now_us_;
    seen.source = NameSource::kDns;
    seen.name = name;
    seen.src = End(10, 2);
    witness_.OnName(seen, false);
  }
  void AskMany() {
    for (uint64_t i = 0; i < FlowWitness::kQuestionsToTrust; ++i) {
      Ask("host" + std::to_string(i) + ".example");
    }
  }
  void Hello(FlowId flow, std::string_view name, bool well_known,
             bool unresolved) {
    Observation seen;
    seen.time_us = now_us_;
    seen.source = NameSource::kTls;
    seen.name = name;
    seen.src = End(10, 2);
    seen.flow = flow;
    seen.unresolved = unresolved;
    witness_.OnName(seen, well_known);
  }
  std::optional<FlowFinding> Label(FlowId flow, std::string_view label,
                                   uint8_t peer = 1) {
    Observation seen;
    seen.time_us = now_us_;
    seen.source = NameSource::kFlow;
    seen.protocol = label;
    seen.src = End(10, 2);
    seen.dst = End(93, peer);
    seen.flow = flow;
    return witness_.OnLabel(seen);
  }
  // 20 kB a second for `seconds`; the last finding.
  std::optional<FlowFinding> Load(FlowId flow, int seconds,
                                  const Endpoint& server) {
    std::optional<FlowFinding> found;
    for (int i = 0; i < seconds; ++i) {
      now_us_ += kSecond;
      FlowProgress progress;
      progress.time_us = now_us_;
      progress.flow = flow;
      progress.client = End(10, 2);
      progress.server = server;
      progress.received_bytes = bytes_ += 20000;
      progress.opened = opened_.insert(flow).second;
      if (const auto finding = witness_.OnFlow(progress)) found = finding;
    }
    return found;
  }

  FlowWitness witness_;
  int64_t now_us_ = 1'800'000'000 * kSecond;
  uint64_t bytes_ = 0;
  std::set<FlowId> opened_;
};

TEST_F(FlowWitnessTest, ATunnelBehindAWellKnownNameIsAContradiction) {
  Hello(1, "www.bbc.co.uk", /*well_known=*/true, /*unresolved=*/false);
  const auto finding = Label(1, "TLS.OpenVPN");
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->category, "bypass");
  EXPECT_EQ(finding->signs, kSignTunnelBehindName);
  EXPECT_EQ(witness_.counters().signs[0], 1u);
}

TEST_F(FlowWitnessTest, ATunnelUnderItsOwnNameIsNone) {
  Hello(1, "vpn.example", /*well_known=*/false, /*unresolved=*/false);
  EXPECT_EQ(Label(1, "OpenVPN")->signs, 0);
  EXPECT_EQ(Label(2, "WireGuard")->signs, 0);
  EXPECT_EQ(witness_.counters().signs[0], 0u);
}

TEST_F(FlowWitnessTest, LabelsThatRepeatANameMeanNothing) {
  Hello(1, "www.youtube.com", true, false);
  EXPECT_FALSE(Label(1, "TLS.YouTube"));
  EXPECT_FALSE(Label(2, "SSH"));
}

TEST_F(FlowWitnessTest, ANameThatNobodyAskedForIsCountedWhereQuestionsAreSeen) {
  Hello(1, "a.example", false, /*unresolved=*/true);
  EXPECT_EQ(witness_.counters().signs[1], 0u) << "questions may be hidden";
  AskMany();
  Ask("asked.example");
  Hello(2, "asked.example", false, /*unresolved=*/true);
  Hello(3, "b.example", false, /*unresolved=*/false);
  EXPECT_EQ(witness_.counters().signs[1], 0u);
  Hello(4, "c.example", false, /*unresolved=*/true);
  EXPECT_EQ(witness_.counters().signs[1], 1u);
  Hello(4, "c.example", false, /*unresolved=*/true);
  EXPECT_EQ(witness_.counters().signs[1], 1u) << "once a flow";
  EXPECT_EQ(Label(4, "TLS.Tor")->signs, kSignNameNeverAsked);
}

TEST_F(FlowWitnessTest, FileSharingNeedsSeveralPeers) {
  EXPECT_FALSE(Label(1, "BitTorrent", 1));
  EXPECT_FALSE(Label(2, "BitTorrent", 1));
  EXPECT_FALSE(Label(3, "BitTorrent", 2));
  EXPECT_EQ(Label(4, "BitTorrent", 3)->category, "file-sharing");
  EXPECT_EQ(witness_.counters().few_peers, 3u);
  now_us_ += FlowWitness::kPeersWithinUs + kSecond;
  EXPECT_FALSE(Label(5, "BitTorrent", 4));
}

TEST_F(FlowWitnessTest, OneFlowForEverythingInSilenceIsToldOnce) {
  AskMany();
  EXPECT_FALSE(Load(1, 590, End(93, 1)));
  const auto finding = Load(1, 30, End(93, 1));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->category, "bypass");
  EXPECT_EQ(finding->signs, kSignDominantWhileSilent);
  EXPECT_FALSE(Load(1, 900, End(93, 1)));
}

// A tunnel would go unnoticed until the clock is where it was.
TEST_F(FlowWitnessTest, SilenceIsCountedAnewAfterTheClockWasSetBack) {
  AskMany();
  EXPECT_FALSE(Load(1, 10, End(93, 1)));
  now_us_ -= 7200 * kSecond;
  EXPECT_FALSE(Load(2, 590, End(93, 1)));
  EXPECT_TRUE(Load(2, 30, End(93, 1)));
}

TEST_F(FlowWitnessTest, WhatExplainsALongFlowIsNoTunnel) {
  AskMany();
  Ask("film.example");
  Hello(1, "film.example", false, false);
  EXPECT_FALSE(Load(1, 1200, End(93, 1))) << "its name was asked for";
  Label(2, "Zoom");
  EXPECT_FALSE(Load(2, 1200, End(93, 2))) << "its label says what it is";
  EXPECT_FALSE(Load(3, 1200, End(192, 3))) << "not dominant beside the others";
}

TEST_F(FlowWitnessTest, NamesMeanwhileOrAServerOfTheHouseAreNoTunnel) {
  AskMany();
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(Load(1, 120, End(93, 1)));
    Ask("another.example");
  }
  EXPECT_FALSE(Load(2, 1200, End(10, 9)));
}

// The agent may have been started in the middle of a film.
TEST_F(FlowWitnessTest, AFlowFromBeforeIsNoTunnel) {
  Load(1, 1, End(93, 1));
  AskMany();
  EXPECT_FALSE(Load(1, 1200, End(93, 1)));
  opened_.insert(2);
  EXPECT_FALSE(Load(2, 1200, End(93, 2)));
}

TEST_F(FlowWitnessTest, WithoutAnyQuestionsSilenceSaysNothing) {
  EXPECT_FALSE(Load(1, 1200, End(93, 1)));
}

TEST_F(FlowWitnessTest, FlowsAreRememberedUpToTheLimitAndThenCounted) {
  const FlowId most = 2 * FlowWitness::kMostFlows;  // two generations
  for (FlowId flow = 1; flow <= most; ++flow) Label(flow, "SSH");
  EXPECT_EQ(witness_.counters().forgotten, 0u);
  Label(most + 1, "SSH");
  EXPECT_EQ(witness_.counters().forgotten, FlowWitness::kMostFlows);
}

TEST_F(FlowWitnessTest, DesksAreRememberedUpToTheLimitAndThenCounted) {
  const auto ask = [&](size_t desk) {
    Observation seen;
    seen.time_us = now_us_;
    seen.name = "a.example";
    seen.src = End(10, static_cast<uint8_t>(desk));
    seen.src.address[14] = static_cast<uint8_t>(desk >> 8);
    witness_.OnName(seen, false);
  };
  for (size_t i = 0; i < FlowWitness::kMostDesks; ++i) ask(i);
  EXPECT_EQ(witness_.counters().forgotten_desks, 0u);
  ask(FlowWitness::kMostDesks);
  EXPECT_EQ(witness_.counters().forgotten_desks, FlowWitness::kMostDesks);
}

TEST_F(FlowWitnessTest, PeersAreKeptUpToTheLimitAndThenCounted) {
  for (uint8_t peer = 0; peer < FlowWitness::kMostPeers; ++peer) {
    Label(1 + peer, "BitTorrent", peer);
  }
  EXPECT_EQ(witness_.counters().unkept_peers, 0u);
  Label(100, "BitTorrent", FlowWitness::kMostPeers);
  EXPECT_EQ(witness_.counters().unkept_peers, 1u);
}

}  // namespace
}  // namespace schoolgate::agent
