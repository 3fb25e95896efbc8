#include "agent/run/rules_inbox.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "rules/decide.h"
#include "rules/trust/example/example_school.h"
#include "rules/trust/order.h"

namespace schoolgate::agent {
namespace {

using rules::ExampleTime;
using rules::Holder;
using enum Holder;

// What the uplink lays down in incoming/ is all that an attacker with the
// uplink, or the collector, can bring.
class RulesInboxTest : public testing::Test {
 protected:
  RulesInboxTest() {
    std::string name = testing::TempDir() + "/inbox.XXXXXX";
    folder_ = mkdtemp(name.data());
    std::filesystem::create_directories(folder_ + "/identity");
    std::filesystem::create_directories(folder_ + "/incoming");
    rules::WriteBytes(folder_ + "/identity/rules_root",
                      rules::ExampleRootFile());
    moment_ = {.wall = ExampleTime(),
               .boot_us = 1'000'000'000,
               .boot_id = "boot-1",
               .signed_floor = absl::InfinitePast()};
    Restart();
    Deliver({});
  }
  ~RulesInboxTest() override {
    inbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Restart() {
    inbox_ = std::make_unique<RulesInbox>(folder_);
    ASSERT_TRUE(inbox_->Open(moment_).ok());
  }
  void Pass(absl::Duration by) {
    moment_.wall += by;
    moment_.boot_us += absl::ToInt64Microseconds(by);
  }
  // True when the rules in force changed.
  bool LayDown(const std::string& name, std::string_view bytes) {
    rules::WriteBytes(folder_ + "/incoming/" + name, bytes);
    const bool changed = inbox_->Turn(moment_);
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/incoming/" + name));
    return changed;
  }
  // A bundle is judged on a thread: turns until it is gone.
  bool Deliver(const rules::ExampleBundle& bundle,
               const char* ending = ".bundle") {
    const std::string path = folder_ + "/incoming/9-made" + ending;
    rules::WriteExample(folder_ + "/made", bundle);
    std::filesystem::rename(folder_ + "/made", path);
    bool changed = inbox_->Turn(moment_);
    while (inbox_->judging()) {
      std::this_thread::yield();
      changed |= inbox_->Turn(moment_);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    return changed;
  }

  static std::string Order(v1::OrderKind kind, const std::string& bytes,
                           const std::vector<Holder>& signers) {
    v1::SignedOrder order;
    order.set_kind(kind);
    order.set_order(bytes);
    for (const Holder holder : signers) {
      rules::SignOrder(rules::KeyOf(holder), &order);
    }
    return rules::OrderText(order);
  }
  std::string PassText(
      const std::function<void(v1::PassOrder&)>& change = nullptr,
      std::vector<Holder> signers = {kDeputy}) {
    v1::PassOrder order;
    order.set_id("example-primary");
    order.set_issued_unix_s(absl::ToUnixSeconds(moment_.wall));
    v1::LessonPass& pass = *order.mutable_pass();
    pass.set_id("pass-1");
    pass.add_hosts("social.test");
    pass.add_groups("pupils");
    pass.set_reason("Internet literacy");
    pass.set_requester("Mr Smith");
    pass.set_approver("Deputy");
    pass.set_start_unix_s(absl::ToUnixSeconds(moment_.wall));
    pass.set_end_unix_s(absl::ToUnixSeconds(moment_.wall + absl::Hours(1)));
    if (change) change(order);
    return Order(v1::ORDER_KIND_PASS, order.SerializeAsString(), signers);
  }
  std::string BlockText(const std::vector<Holder>& signers,
                        const char* by = "Duty desk") {
    v1::EmergencyOrder order;
    order.set_id("example-primary");
    v1::EmergencyBlock& block = *order.mutable_block();
    block.set_id("block-1");
    block.add_hosts("learn.test");
    block.set_reason("Reported by parents");
    block.set_by(by);
    block.set_issued_unix_s(absl::ToUnixSeconds(ExampleTime()));
    return Order(v1::ORDER_KIND_EMERGENCY, order.SerializeAsString(), signers);
  }
  std::string StampText(absl::Time issued, uint64_t serial, uint64_t version) {
    v1::TimestampOrder stamp;
    stamp.set_id("example-primary");
    stamp.set_serial(serial);
    stamp.set_issued_unix_s(absl::ToUnixSeconds(issued));
    stamp.set_bundle_version(version);
    stamp.set_manifest_hash(inbox_->bundle_hash());
    return Order(v1::ORDER_KIND_TIMESTAMP, stamp.SerializeAsString(),
                 {kServer});
  }
  static std::string Roots(uint64_t newest) {
    v1::RootChain chain;
    for (uint64_t version = 1; version <= newest; ++version) {
      v1::TrustRoot root = rules::ExampleRoot();
      root.set_version(version);
      *chain.add_roots() =
          rules::SignRoot(root, {kProviderAda, kSchoolHead, kSchoolLead});
    }
    return rules::RootFileText(chain);
  }

  rules::Action For(const std::string& host,
                    const std::string& user = "") const {
    return rules::Decide(*inbox_->rules(), {.host = host,
                                            .group = "pupils",
                                            .user = user,
                                            .at = moment_.wall,
                                            .boot_us = moment_.boot_us,
                                            .boot_id = moment_.boot_id})
        .action;
  }

  std::string folder_;
  rules::Moment moment_;
  std::unique_ptr<RulesInbox> inbox_;
};

using rules::Action;

TEST_F(RulesInboxTest, APassOpensEndsByItselfAndStaysOver) {
  ASSERT_EQ(For("social.test"), Action::kBlock);
  const std::string pass = PassText();
  EXPECT_TRUE(LayDown("a.order", pass));
  EXPECT_EQ(For("social.test"), Action::kAllow);
  EXPECT_EQ(For("games.test"), Action::kBlock);
  EXPECT_FALSE(inbox_->Turn(moment_));
  // Nobody is there, and somebody has set the clock back by a day.
  Pass(absl::Minutes(61));
  moment_.wall -= absl::Hours(24);
  EXPECT_TRUE(inbox_->Turn(moment_));
  EXPECT_EQ(inbox_->rules()->overlays().passes_size(), 0);
  EXPECT_EQ(For("social.test"), Action::kBlock);
  LayDown("a.order", pass);
  Restart();
  LayDown("a.order", pass);
  EXPECT_EQ(For("social.test"), Action::kBlock);
  EXPECT_EQ(inbox_->counters().orders_refused, 0u) << "a repeat is no attack";
}

// A pupil whose internet is removed until Friday gets it back with the week's
// end, wherever the laptop is then and whoever can be reached.
TEST_F(RulesInboxTest, ARestrictionBeginsAndEndsByItselfWithNobodyThere) {
  rules::ExampleBundle bundle{.version = 11};
  v1::Restriction* one = bundle.policy.add_restrictions();
  one->set_user("pupil.one");
  one->set_to(2);
  one->set_from_unix_s(absl::ToUnixSeconds(moment_.wall + absl::Hours(24)));
  one->set_expires_unix_s(
      absl::ToUnixSeconds(moment_.wall + absl::Hours(5 * 24)));
  one->set_reason("agreed");
  ASSERT_TRUE(Deliver(bundle));
  EXPECT_EQ(For("unlisted.test", "pupil.one"), Action::kAllow);
  Pass(absl::Hours(24));
  EXPECT_EQ(For("unlisted.test", "pupil.one"), Action::kBlock);
  EXPECT_EQ(For("unlisted.test", "pupil.two"), Action::kAllow);
  EXPECT_EQ(For("learn.test", "pupil.one"), Action::kAllow)
      << "the learning platform stays";
  EXPECT_EQ(For("childline.test", "pupil.one"), Action::kAllow);
  Restart();
  EXPECT_EQ(For("unlisted.test", "pupil.one"), Action::kBlock);
  Pass(absl::Hours(4 * 24));
  EXPECT_EQ(For("unlisted.test", "pupil.one"), Action::kAllow);
}

TEST_F(RulesInboxTest, OrdersSurviveARestartOfTheAgent) {
  ASSERT_TRUE(LayDown("a.order", PassText()));
  ASSERT_TRUE(LayDown("b.order", BlockText({kDutyDesk})));
  Restart();
  EXPECT_EQ(For("social.test"), Action::kAllow);
  EXPECT_EQ(For("learn.test"), Action::kBlock);
  // A lesson does not outlive the machine's boot, a block does.
  moment_.boot_id = "boot-2";
  moment_.boot_us = 1'000'000;
  Restart();
  EXPECT_EQ(For("social.test"), Action::kBlock);
  EXPECT_EQ(For("learn.test"), Action::kBlock);
}

TEST_F(RulesInboxTest, ABlockLapsesWithoutASecondSignature) {
  ASSERT_TRUE(LayDown("b.order", BlockText({kDutyDesk})));
  Pass(absl::Hours(23));
  inbox_->Turn(moment_);
  EXPECT_EQ(For("learn.test"), Action::kBlock);
  Pass(absl::Hours(2));
  EXPECT_TRUE(inbox_->Turn(moment_));
  EXPECT_EQ(For("learn.test"), Action::kAllow);
  ASSERT_TRUE(LayDown("b.order", BlockText({kDutyDesk, kDeputy})));
  Pass(absl::Hours(24 * 30));
  inbox_->Turn(moment_);
  EXPECT_EQ(For("learn.test"), Action::kBlock);
}

// Each is what somebody in charge of the collector or the uplink may try.
TEST_F(RulesInboxTest, NothingBadOverTheWireOpensAnything) {
  const std::string good = PassText();
  std::string flipped = good;
  flipped[good.size() / 2] = flipped[good.size() / 2] == 'A' ? 'B' : 'A';
  v1::SignedOrder relabelled = *rules::ParseOrder(BlockText({kDeputy}));
  relabelled.set_kind(v1::ORDER_KIND_PASS);
  const std::vector<std::pair<const char*, std::string>> attacks = {
      {"for another school",
       PassText([](v1::PassOrder& order) { order.set_id("other-primary"); })},
      {"signed by nobody we know", PassText(nullptr, {kStranger})},
      {"signed in a role that may not", PassText(nullptr, {kDutyDesk})},
      {"unsigned", PassText(nullptr, {})},
      {"approved by the one who asked", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->set_requester("Deputy");
       })},
      {"for everybody", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->clear_groups();
       })},
      {"for a locked host", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->add_hosts("abuse.test");
       })},
      {"for a host that no pass may open", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->add_hosts("casino.test");
       })},
      {"without an end", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->set_end_unix_s(0);
       })},
      {"for a year", PassText([](v1::PassOrder& order) {
         order.mutable_pass()->set_end_unix_s(order.pass().start_unix_s() +
                                              365 * 86400);
       })},
      {"a byte flipped", flipped},
      {"cut short", good.substr(0, good.size() / 2)},
      {"oversize", good + std::string(rules::kMaxOrderFileBytes, ' ')},
      {"a block under another label", rules::OrderText(relabelled)},
      {"empty", ""},
      {"a root as an order", rules::ExampleRootFile()},
  };
  uint64_t refused = 0;
  for (const auto& [name, text] : attacks) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(LayDown("x.order", text));
    EXPECT_EQ(inbox_->counters().orders_refused, ++refused);
    EXPECT_FALSE(inbox_->order_problem().empty());
    EXPECT_EQ(For("social.test"), Action::kBlock);
    EXPECT_EQ(For("abuse.test"), Action::kBlock);
  }
  // Over before it came: no attack, and no effect.
  EXPECT_FALSE(LayDown("x.order", PassText([](v1::PassOrder& order) {
                         v1::LessonPass& pass = *order.mutable_pass();
                         pass.set_start_unix_s(pass.start_unix_s() - 7200);
                         pass.set_end_unix_s(pass.start_unix_s() + 3600);
                       })));
  EXPECT_EQ(For("social.test"), Action::kBlock);
  EXPECT_TRUE(LayDown("x.order", good)) << "and a good one still works";
}

// A device that was away for several rotations.
TEST_F(RulesInboxTest, WalksAChainOfRootsAndNeverBack) {
  EXPECT_EQ(inbox_->root_version(), 1u);
  LayDown("r.root", Roots(4));
  EXPECT_EQ(inbox_->root_version(), 4u);
  LayDown("r.root", Roots(2));
  EXPECT_EQ(inbox_->root_version(), 4u);
  v1::RootChain alone;
  v1::TrustRoot root = rules::ExampleRoot();
  root.set_version(6);
  *alone.add_roots() =
      rules::SignRoot(root, {kProviderAda, kSchoolHead, kSchoolLead});
  LayDown("r.root", rules::RootFileText(alone));
  EXPECT_EQ(inbox_->root_version(), 4u) << "version 5 is missing";
  EXPECT_EQ(inbox_->counters().roots_refused, 1u);
  Restart();
  EXPECT_EQ(inbox_->root_version(), 4u);
}

TEST_F(RulesInboxTest, SaysHowLongThePublisherHasBeenSilent) {
  using rules::Freshness;
  EXPECT_EQ(inbox_->FreshnessAt(moment_.wall), Freshness::kUnknown);
  LayDown("t.order", StampText(moment_.wall, 1, 10));
  EXPECT_EQ(inbox_->FreshnessAt(moment_.wall), Freshness::kFresh);
  const absl::Time then = moment_.wall;
  EXPECT_EQ(inbox_->FreshnessAt(then + absl::Hours(25)), Freshness::kLate);
  EXPECT_EQ(inbox_->FreshnessAt(then + absl::Hours(73)), Freshness::kStale);
  EXPECT_EQ(inbox_->FreshnessAt(then + absl::Hours(24 * 15)),
            Freshness::kOverdue);
  Pass(absl::Hours(24 * 15));
  LayDown("t.order", StampText(moment_.wall, 2, 10));
  EXPECT_EQ(inbox_->FreshnessAt(moment_.wall), Freshness::kFresh);
  EXPECT_EQ(For("social.test"), Action::kBlock) << "enforced all the time";
}

// A list that has swept up the log-in server would lock everybody out.
TEST_F(RulesInboxTest, RulesThatCutOffTheLogInServerArePutBack) {
  rules::ExampleBundle bad{.version = 11};
  bad.hosts["login.microsoftonline.com"] = {"adult"};
  bad.hosts["new.test"] = {"adult"};
  EXPECT_FALSE(Deliver(bad));
  EXPECT_EQ(inbox_->rules()->manifest().version(), 10u);
  EXPECT_NE(inbox_->problem().find("login.microsoftonline.com"),
            std::string::npos)
      << inbox_->problem();
  Restart();
  EXPECT_EQ(inbox_->rules()->manifest().version(), 10u);
  rules::ExampleBundle good{.version = 12};
  good.hosts["new.test"] = {"adult"};
  EXPECT_TRUE(Deliver(good));
  EXPECT_EQ(inbox_->rules()->manifest().version(), 12u);
  EXPECT_EQ(inbox_->problem(), "");
  EXPECT_EQ(For("new.test"), Action::kBlock);
}

TEST_F(RulesInboxTest, RulesOnTrialEnforceNothing) {
  rules::ExampleBundle next{.version = 11};
  next.hosts["new.test"] = {"adult"};
  EXPECT_FALSE(Deliver(next, ".trial"));
  ASSERT_NE(inbox_->trial(), nullptr) << inbox_->problem();
  EXPECT_EQ(inbox_->trial()->manifest().version(), 11u);
  EXPECT_EQ(inbox_->rules()->manifest().version(), 10u);
  EXPECT_EQ(For("new.test"), Action::kAllow);
  EXPECT_TRUE(Deliver(next));
  EXPECT_EQ(inbox_->trial(), nullptr);
  EXPECT_EQ(For("new.test"), Action::kBlock);
}

}  // namespace
}  // namespace schoolgate::agent
