#include "rules/trust/order_book.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>

#include "rules/trust/example/example_school.h"
#include "rules/trust/refusal.h"

namespace schoolgate::rules {
namespace {

using enum Holder;

class OrderBookTest : public testing::Test {
 protected:
  OrderBookTest()
      : root_(*TrustRoot::FromBytes(ExampleRoot().SerializeAsString())),
        tables_(*PolicyTables::Make(ExamplePolicy())),
        hosts_(ExampleLists()) {
    std::string name = testing::TempDir() + "/orders.XXXXXX";
    folder_ = mkdtemp(name.data());
    moment_ = {ExampleTime(), 1'000'000'000, "boot-1", ExampleTime()};
    Reopen();
  }
  ~OrderBookTest() override { std::filesystem::remove_all(folder_); }

  void Reopen() { book_ = *OrderBook::Open(folder_); }
  void Pass(absl::Duration by) {
    moment_.wall += by;
    moment_.boot_us += absl::ToInt64Microseconds(by);
  }
  absl::Status Consider(const v1::SignedOrder& order) {
    const OrderGround ground{
        root_, *tables_, [this](std::string_view host) {
          const auto found = hosts_.find(std::string(host));
          return found == hosts_.end() ? std::vector<std::string>()
                                       : found->second;
        }};
    return book_->Consider(OrderText(order), ground, moment_);
  }
  static v1::SignedOrder Sign(v1::OrderKind kind, const std::string& bytes,
                              const std::vector<Holder>& signers) {
    v1::SignedOrder order;
    order.set_kind(kind);
    order.set_order(bytes);
    for (const Holder holder : signers) SignOrder(KeyOf(holder), &order);
    return order;
  }
  // Social networks for class 6 from now for an hour.
  static v1::PassOrder GoodPass() {
    v1::PassOrder order;
    order.set_id("example-primary");
    order.set_issued_unix_s(absl::ToUnixSeconds(ExampleTime()));
    v1::LessonPass& pass = *order.mutable_pass();
    pass.set_id("pass-1");
    pass.add_hosts("social.test");
    pass.add_devices("D-1");
    pass.set_reason("Internet literacy");
    pass.set_requester("Mr Smith");
    pass.set_approver("Deputy");
    pass.set_start_unix_s(absl::ToUnixSeconds(ExampleTime()));
    pass.set_end_unix_s(absl::ToUnixSeconds(ExampleTime() + absl::Hours(1)));
    return order;
  }
  absl::Status WithdrawPass(std::vector<Holder> signers, const char* approver) {
    v1::PassOrder order;
    order.set_id("example-primary");
    order.set_withdraw(true);
    order.mutable_pass()->set_id("pass-1");
    order.mutable_pass()->set_reason("The lesson is off");
    order.mutable_pass()->set_approver(approver);
    return Consider(
        Sign(v1::ORDER_KIND_PASS, order.SerializeAsString(), signers));
  }
  absl::Status OfferPass(const std::function<void(v1::PassOrder&)>& change,
                         std::vector<Holder> signers = {kDeputy}) {
    v1::PassOrder order = GoodPass();
    change(order);
    return Consider(
        Sign(v1::ORDER_KIND_PASS, order.SerializeAsString(), signers));
  }
  static v1::EmergencyOrder GoodBlock() {
    v1::EmergencyOrder order;
    order.set_id("example-primary");
    v1::EmergencyBlock& block = *order.mutable_block();
    block.set_id("block-1");
    block.add_hosts("new-site.test");
    block.set_issued_unix_s(absl::ToUnixSeconds(ExampleTime()));
    block.set_reason("Dangerous challenge");
    block.set_by("Deputy");
    return order;
  }
  absl::Status OfferBlock(
      const std::function<void(v1::EmergencyOrder&)>& change,
      std::vector<Holder> signers = {kDeputy}) {
    v1::EmergencyOrder order = GoodBlock();
    change(order);
    return Consider(
        Sign(v1::ORDER_KIND_EMERGENCY, order.SerializeAsString(), signers));
  }
  int Passes() { return book_->InForce(moment_).passes_size(); }
  int Blocks() { return book_->InForce(moment_).blocks_size(); }

  const TrustRoot root_;
  const std::shared_ptr<const PolicyTables> tables_;
  const ExampleHosts hosts_;
  std::string folder_;
  Moment moment_;
  std::unique_ptr<OrderBook> book_;
};

const auto kAsItIs = [](auto&) {};

// A lesson could not start, or would go on after the bell.
TEST_F(OrderBookTest, APassHoldsForItsHour) {
  ASSERT_EQ(OfferPass(kAsItIs), absl::OkStatus());
  EXPECT_EQ(Passes(), 1);
  Reopen();
  EXPECT_EQ(Passes(), 1);
  Pass(absl::Minutes(59));
  EXPECT_EQ(Passes(), 1);
  Pass(absl::Minutes(1));
  EXPECT_EQ(Passes(), 0);
  EXPECT_TRUE(*book_->Tick(moment_));
  EXPECT_FALSE(*book_->Tick(moment_));
}

// A pupil who sets the clock back would keep the pass for the afternoon.
TEST_F(OrderBookTest, APassEndsWithTheClockSetBack) {
  ASSERT_TRUE(OfferPass(kAsItIs).ok());
  Pass(absl::Minutes(30));
  moment_.wall -= absl::Hours(5);
  Pass(absl::Minutes(29));
  EXPECT_EQ(Passes(), 1);
  Pass(absl::Minutes(1));
  EXPECT_EQ(Passes(), 0);
  EXPECT_EQ(RefusalOf(OfferPass(kAsItIs)), Refusal::kReplayedOrder);
}

// A reboot with the clock set back would start the hour anew.
TEST_F(OrderBookTest, APassEndsWithTheBoot) {
  ASSERT_TRUE(OfferPass(kAsItIs).ok());
  moment_.boot_id = "boot-2";
  moment_.boot_us = 1'000'000;
  Reopen();
  EXPECT_EQ(Passes(), 0);
  EXPECT_EQ(RefusalOf(OfferPass(kAsItIs)), Refusal::kReplayedOrder);
}

// A pass that nobody may give would open a site.
TEST_F(OrderBookTest, BadPassesAreRefused) {
  struct Case {
    const char* name;
    Refusal expected;
    std::function<void(v1::PassOrder&)> change;
    std::vector<Holder> signers = {kDeputy};
  };
  const int64_t now = absl::ToUnixSeconds(ExampleTime());
  const std::vector<Case> cases = {
      {"no signature", Refusal::kTooFewSignatures, kAsItIs, {}},
      {"a stranger", Refusal::kUnknownKey, kAsItIs, {kStranger}},
      {"a release key", Refusal::kWrongRole, kAsItIs, {kSchoolHead}},
      {"an emergency key", Refusal::kWrongRole, kAsItIs, {kDutyDesk}},
      {"another school", Refusal::kWrongSchool,
       [](auto& o) { o.set_id("other"); }},
      {"adult", Refusal::kNotPassable,
       [](auto& o) { o.mutable_pass()->add_hosts("adult.test"); }},
      {"locked", Refusal::kNotPassable,
       [](auto& o) { o.mutable_pass()->add_hosts("abuse.test"); }},
      {"gambling", Refusal::kNotPassable,
       [](auto& o) { o.mutable_pass()->set_hosts(0, "casino.test"); }},
      {"approved by whoever asked", Refusal::kSelfApproved,
       [](auto& o) { o.mutable_pass()->set_requester(" deputy "); }},
      {"approved by nobody", Refusal::kSelfApproved,
       [](auto& o) { o.mutable_pass()->clear_approver(); }},
      {"asked for by nobody", Refusal::kSelfApproved,
       [](auto& o) { o.mutable_pass()->clear_requester(); }},
      {"approved by somebody who did not sign",
       Refusal::kApproverNotSigner,
       kAsItIs,
       {kTeacher}},
      {"without end", Refusal::kNoTimeLimit,
       [](auto& o) { o.mutable_pass()->clear_end_unix_s(); }},
      {"ending before it starts", Refusal::kNoTimeLimit,
       [&](auto& o) { o.mutable_pass()->set_end_unix_s(now - 1); }},
      {"for a month", Refusal::kNoTimeLimit,
       [&](auto& o) { o.mutable_pass()->set_end_unix_s(now + 30 * 86400); }},
      {"for ever", Refusal::kNoTimeLimit,
       [](auto& o) { o.mutable_pass()->set_end_unix_s(INT64_MAX); }},
      {"of yesterday", Refusal::kEnded,
       [&](auto& o) {
         o.mutable_pass()->set_start_unix_s(now - 86400);
         o.mutable_pass()->set_end_unix_s(now - 86400 + 3600);
       }},
      {"for everybody", Refusal::kNamesNobody,
       [](auto& o) { o.mutable_pass()->clear_devices(); }},
      {"without hosts", Refusal::kMalformed,
       [](auto& o) { o.mutable_pass()->clear_hosts(); }},
      {"of all of com", Refusal::kMalformed,
       [](auto& o) { o.mutable_pass()->add_hosts("com"); }},
      {"with a wild card", Refusal::kMalformed,
       [](auto& o) { o.mutable_pass()->add_hosts("*.test"); }},
      {"without a reason", Refusal::kMalformed,
       [](auto& o) { o.mutable_pass()->set_reason("  "); }},
      {"without an id", Refusal::kMalformed,
       [](auto& o) { o.mutable_pass()->clear_id(); }},
  };
  for (const Case& one : cases) {
    const absl::Status status = OfferPass(one.change, one.signers);
    const auto cause = RefusalOf(status);
    EXPECT_EQ(cause ? RefusalName(*cause) : "accepted",
              RefusalName(one.expected))
        << one.name << ": " << status;
    EXPECT_EQ(Passes(), 0) << one.name;
  }
}

// One pass's signature would be good for another order.
TEST_F(OrderBookTest, ASignatureIsGoodForOneKindAndContent) {
  const v1::SignedOrder good =
      Sign(v1::ORDER_KIND_PASS, GoodPass().SerializeAsString(), {kDeputy});
  v1::SignedOrder other = good;
  other.set_kind(v1::ORDER_KIND_EMERGENCY);
  EXPECT_EQ(RefusalOf(Consider(other)), Refusal::kBadSignature);
  other = good;
  other.mutable_order()->back() ^= 1;
  EXPECT_EQ(RefusalOf(Consider(other)), Refusal::kBadSignature);
  ASSERT_TRUE(Consider(good).ok());
  EXPECT_EQ(RefusalOf(OfferPass(
                [](auto& o) { o.mutable_pass()->add_hosts("games.test"); })),
            Refusal::kEquivocation);
}

// Somebody with one key could flood a device.
TEST_F(OrderBookTest, HoldsOnlySoMany) {
  for (int i = 0; i < kMaxOrdersInForce; ++i) {
    ASSERT_TRUE(OfferPass([i](auto& o) {
                  o.mutable_pass()->set_id("pass-" + std::to_string(i));
                }).ok());
  }
  EXPECT_EQ(RefusalOf(OfferPass(
                [](auto& o) { o.mutable_pass()->set_id("one-more"); })),
            Refusal::kTooMany);
}

// A block by one person would stay for ever, or not for a day.
TEST_F(OrderBookTest, ABlockOfOneLapsesAfterADayOfRunning) {
  ASSERT_EQ(OfferBlock(kAsItIs), absl::OkStatus());
  Pass(absl::Hours(1));
  moment_.wall += absl::Hours(24 * 3650);  // a clock gone wild ends nothing
  EXPECT_EQ(Blocks(), 1);
  moment_.wall = ExampleTime() - absl::Hours(50);
  Pass(absl::Hours(22));
  EXPECT_FALSE(*book_->Tick(moment_));
  EXPECT_EQ(Blocks(), 1);
  Pass(absl::Hours(1));
  EXPECT_EQ(Blocks(), 0);
  EXPECT_TRUE(*book_->Tick(moment_));
  EXPECT_EQ(RefusalOf(OfferBlock(kAsItIs)), Refusal::kReplayedOrder);
}

// A block that two agreed on would be lost over night, or never be lifted.
TEST_F(OrderBookTest, ASecondSignatureKeepsItUntilTwoWithdraw) {
  ASSERT_TRUE(OfferBlock(kAsItIs).ok());
  ASSERT_TRUE(OfferBlock(kAsItIs, {kDeputy, kDutyDesk}).ok());
  Pass(absl::Hours(24 * 30));
  EXPECT_FALSE(*book_->Tick(moment_));
  Reopen();
  EXPECT_EQ(Blocks(), 1);
  const auto withdraw = [](auto& o) { o.set_withdraw(true); };
  EXPECT_EQ(RefusalOf(OfferBlock(withdraw)), Refusal::kLoosensByEmergency);
  EXPECT_EQ(Blocks(), 1);
  EXPECT_TRUE(OfferBlock(withdraw, {kDeputy, kDutyDesk}).ok());
  EXPECT_EQ(Blocks(), 0);
  EXPECT_EQ(RefusalOf(OfferBlock(kAsItIs, {kDeputy, kDutyDesk})),
            Refusal::kReplayedOrder);
}

TEST_F(OrderBookTest, BadBlocksAreRefused) {
  struct Case {
    const char* name;
    Refusal expected;
    std::function<void(v1::EmergencyOrder&)> change;
    std::vector<Holder> signers = {kDeputy};
  };
  const int64_t now = absl::ToUnixSeconds(ExampleTime());
  const std::vector<Case> cases = {
      {"no signature", Refusal::kTooFewSignatures, kAsItIs, {}},
      {"a teacher", Refusal::kWrongRole, kAsItIs, {kTeacher}},
      {"one key twice", Refusal::kUnknownKey, kAsItIs, {kStranger, kStranger}},
      {"another school", Refusal::kWrongSchool,
       [](auto& o) { o.set_id("other"); }},
      {"in another's name", Refusal::kApproverNotSigner, kAsItIs, {kDutyDesk}},
      {"of nothing", Refusal::kMalformed,
       [](auto& o) { o.mutable_block()->clear_hosts(); }},
      {"of all of uk", Refusal::kMalformed,
       [](auto& o) { o.mutable_block()->set_hosts(0, "uk"); }},
      {"of the day before yesterday", Refusal::kEnded,
       [&](auto& o) { o.mutable_block()->set_issued_unix_s(now - 2 * 86400); }},
      {"of next week", Refusal::kNotYetIssued,
       [&](auto& o) { o.mutable_block()->set_issued_unix_s(now + 7 * 86400); }},
      {"of no time", Refusal::kNoTimeLimit,
       [](auto& o) { o.mutable_block()->clear_issued_unix_s(); }},
  };
  for (const Case& one : cases) {
    const absl::Status status = OfferBlock(one.change, one.signers);
    const auto cause = RefusalOf(status);
    EXPECT_EQ(cause ? RefusalName(*cause) : "accepted",
              RefusalName(one.expected))
        << one.name << ": " << status;
    EXPECT_EQ(Blocks(), 0) << one.name;
  }
}

// A pass given by mistake would stay open for the rest of the lesson.
TEST_F(OrderBookTest, APassIsWithdrawnByWhoeverMayGiveOne) {
  const auto keep = [](v1::PassOrder&) {};
  ASSERT_TRUE(OfferPass(keep).ok());
  ASSERT_EQ(book_->InForce(moment_).passes_size(), 1);
  EXPECT_EQ(RefusalOf(WithdrawPass({kDutyDesk}, "Duty desk")),
            Refusal::kWrongRole);
  EXPECT_EQ(RefusalOf(WithdrawPass({kTeacher}, "Deputy")),
            Refusal::kApproverNotSigner);
  EXPECT_EQ(book_->InForce(moment_).passes_size(), 1);
  EXPECT_TRUE(WithdrawPass({kDeputy}, "Deputy").ok());
  EXPECT_EQ(book_->InForce(moment_).passes_size(), 0);
  EXPECT_TRUE(WithdrawPass({kDeputy}, "Deputy").ok()) << "again";
  Reopen();
  EXPECT_EQ(RefusalOf(OfferPass(keep)), Refusal::kReplayedOrder);
}

// The withdrawal overtakes the pass on its way to a device.
TEST_F(OrderBookTest, APassThatComesAfterItsWithdrawalIsRefused) {
  ASSERT_TRUE(WithdrawPass({kDeputy}, "Deputy").ok());
  EXPECT_EQ(RefusalOf(OfferPass([](v1::PassOrder&) {})),
            Refusal::kReplayedOrder);
}

// The agent looks at this four times a second and must not write each time.
TEST_F(OrderBookTest, SaysWhenSomethingHasEnded) {
  EXPECT_FALSE(book_->SomethingEnded(moment_));
  ASSERT_TRUE(OfferPass([](v1::PassOrder&) {}).ok());
  EXPECT_FALSE(book_->SomethingEnded(moment_));
  Pass(absl::Minutes(59));
  EXPECT_FALSE(book_->SomethingEnded(moment_));
  // The wall clock set back helps nobody.
  Pass(absl::Minutes(2));
  moment_.wall -= absl::Hours(5);
  EXPECT_TRUE(book_->SomethingEnded(moment_));
  EXPECT_TRUE(*book_->Tick(moment_));
  EXPECT_FALSE(book_->SomethingEnded(moment_));
}

}  // namespace
}  // namespace schoolgate::rules
