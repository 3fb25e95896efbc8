// What would go wrong for a user: events are lost or doubled when a link or a
// collector dies, a dead link is not noticed, or a fleet storms its collector.
#include "agent/uplink/session.h"

#include <gtest/gtest.h>

#include "agent/spool/model_collector.h"
#include "agent/spool/spool_writer.h"
#include "platform/sim/memory_directory.h"

namespace schoolgate::agent {
namespace {

constexpr char kDevice[] = "D-4KQ7X2M9";

// A session whose link leads to a collector in memory.
class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    SpoolOptions options;
    options.device = kDevice;
    options.collector_key = key_.public_key();
    writer_ = *SpoolWriter::Start(*root_, options, device_,
                                  absl::FromUnixSeconds(1'790'000'000));
    reader_ = SpoolReader::Open(*root_);
    session_ = std::make_unique<Session>(*reader_, 1);
  }

  void Append(int count, v1::Lane lane = v1::LANE_NORMAL,
              size_t padding = 100) {
    for (int i = 0; i < count; ++i) {
      v1::Event event;
      event.mutable_tamper()->set_detail(std::string(padding, 'x'));
      ASSERT_TRUE(writer_->Append(event, lane, now_).ok());
    }
    reader_->Refresh();
  }

  // Carries actions out until there are none. While `answering_`, the
  // collector commits and acknowledges.
  void Do(Actions actions) {
    for (Action& action : actions) {
      if (std::holds_alternative<Dial>(action)) {
        ++dials_;
        linked_ = true;
      } else if (std::holds_alternative<HangUp>(action)) {
        linked_ = false;
        Do(session_->Closed(Ending::kLost, now_));
      } else if (auto* send = std::get_if<SendMessage>(&action)) {
        Carry(send->message);
      } else if (std::holds_alternative<Greeted>(action)) {
        ++greetings_;
      }
    }
  }

  void Carry(const v1::FromDevice& message) {
    if (message.has_hello()) {
      hello_ = message.hello();
      Do(session_->Written(now_));
      if (!answering_) return;
      v1::ToDevice answer;
      answer.mutable_welcome()->set_credit_bytes(1 << 20);
      answer.mutable_welcome()->set_durable_sequence(
          collector_.durable(hello_.epoch()));
      Do(session_->Received(answer, now_));
      return;
    }
    ++batches_;
    SpoolBatch batch;
    batch.epoch = message.batch().epoch();
    batch.segment_header = message.batch().segment_header();
    batch.first_sequence = message.batch().first_sequence();
    batch.records.assign(message.batch().records().begin(),
                         message.batch().records().end());
    lanes_.push_back(static_cast<v1::Lane>(batch.epoch & 3));
    uint64_t durable = 0;
    if (committing_) {
      ASSERT_EQ(collector_.Receive(batch, &durable), "");
    }
    Do(session_->Written(now_));
    if (!answering_) return;
    v1::ToDevice answer;
    answer.mutable_ack()->set_epoch(batch.epoch);
    answer.mutable_ack()->set_durable_sequence(durable);
    Do(session_->Received(answer, now_));
  }

  // Lets time pass in steps, as the driver would.
  void Run(absl::Duration time) {
    const absl::Duration end = now_ + time;
    while (now_ < end) {
      Do(session_->Step(now_));
      now_ += absl::Milliseconds(100);
    }
  }

  platform::MemoryDisk disk_;
  std::unique_ptr<platform::Directory> root_ = disk_.OpenRoot();
  seal::SigningKey device_ = seal::SigningKey::Generate();
  seal::BoxKey key_ = seal::BoxKey::Generate();
  ModelCollector collector_{key_, kDevice, device_.public_key()};
  std::unique_ptr<SpoolWriter> writer_;
  std::unique_ptr<SpoolReader> reader_;
  std::unique_ptr<Session> session_;
  absl::Duration now_ = absl::Seconds(100);
  bool answering_ = true;
  bool committing_ = true;
  bool linked_ = false;
  int dials_ = 0;
  int greetings_ = 0;
  int batches_ = 0;
  v1::Hello hello_;
  std::vector<v1::Lane> lanes_;
};

TEST_F(SessionTest, SendsWhatIsThereAndThenWhatComes) {
  Append(10);
  Run(absl::Seconds(1));
  EXPECT_TRUE(session_->connected());
  EXPECT_EQ(collector_.events().size(), 10u);
  Append(1);
  Do(session_->Step(now_));
  EXPECT_EQ(collector_.events().size(), 11u) << "at once, not at a tick";
  EXPECT_TRUE(reader_->idle());
  EXPECT_EQ(dials_, 1);
}

TEST_F(SessionTest, UrgentEventsOvertakeABacklog) {
  Append(3000, v1::LANE_NORMAL, 500);
  Append(5, v1::LANE_URGENT);
  Run(absl::Seconds(1));
  ASSERT_FALSE(lanes_.empty());
  EXPECT_EQ(lanes_.front(), v1::LANE_URGENT);
  EXPECT_EQ(collector_.events().size(), 3005u);
}

// Whoever pays for the link pays no more than was agreed; what is urgent goes
// all the same, and nothing is lost.
TEST_F(SessionTest, WhenTheDayIsFullOnlyUrgentEventsGo) {
  session_ = std::make_unique<Session>(*reader_, 1, 20'000);
  Append(3000, v1::LANE_NORMAL, 500);
  Run(absl::Seconds(5));
  const size_t first_day = collector_.events().size();
  EXPECT_GT(first_day, 0u);
  EXPECT_LT(first_day, 1500u);
  Append(5, v1::LANE_URGENT);
  Run(absl::Seconds(5));
  EXPECT_EQ(collector_.events().size(), first_day + 5);
  EXPECT_LE(session_->next_wake(), absl::Seconds(100) + absl::Hours(24));
  now_ += absl::Hours(24);
  Run(absl::Seconds(5));
  EXPECT_GT(collector_.events().size(), first_day + 5);
  EXPECT_TRUE(session_->connected());
}

TEST_F(SessionTest, ACollectorThatDiesBetweenCommitAndAckGetsARepeatOnly) {
  Append(500);
  answering_ = false;
  Do(session_->Step(now_));
  v1::ToDevice welcome;
  welcome.mutable_welcome();
  Do(session_->Received(welcome, now_));
  EXPECT_EQ(collector_.events().size(), 500u) << "committed, not acknowledged";
  Do(session_->Closed(Ending::kLost, now_));
  EXPECT_EQ(reader_->acknowledged(), 0u);
  answering_ = true;
  Run(absl::Seconds(20));
  EXPECT_EQ(collector_.events().size(), 500u);
  EXPECT_TRUE(reader_->idle());
  EXPECT_EQ(collector_.repeats(), 0u) << "the greeting said what was durable";
}

TEST_F(SessionTest, ADeadLinkIsNoticedInFifteenSecondsAndNothingIsLost) {
  Run(absl::Seconds(1));
  answering_ = false;
  committing_ = false;  // a black hole
  Append(10);
  const absl::Duration sent = now_;
  Do(session_->Step(now_));
  EXPECT_EQ(batches_, 1);
  while (linked_ && now_ - sent < absl::Minutes(1)) {
    now_ = std::max(session_->next_wake(), now_ + absl::Milliseconds(1));
    Do(session_->Step(now_));
  }
  EXPECT_FALSE(linked_);
  EXPECT_LE(now_ - sent, absl::Seconds(16));
  answering_ = committing_ = true;
  Run(absl::Minutes(1));
  EXPECT_EQ(collector_.events().size(), 10u);
}

TEST_F(SessionTest, AnUnansweredGreetingIsGivenUp) {
  answering_ = false;
  Run(absl::Seconds(16));
  EXPECT_EQ(greetings_, 0);
  EXPECT_GE(dials_, 1);
  answering_ = true;
  Run(absl::Seconds(30));
  EXPECT_TRUE(session_->connected());
}

TEST_F(SessionTest, NoMoreIsInFlightThanTheCollectorAllows) {
  Append(20'000, v1::LANE_NORMAL, 400);
  answering_ = false;
  Do(session_->Step(now_));
  v1::ToDevice welcome;
  welcome.mutable_welcome()->set_credit_bytes(100'000);
  Do(session_->Received(welcome, now_));
  EXPECT_LE(session_->in_flight_bytes(), 160'000u);
  EXPECT_GT(session_->in_flight_bytes(), 50'000u);
}

TEST_F(SessionTest, AskedToSlowDownItDoes) {
  Run(absl::Seconds(1));
  v1::ToDevice slow;
  slow.mutable_slow_down()->set_wait_ms(5000);
  Do(session_->Received(slow, now_));
  Append(3);
  Run(absl::Seconds(4));
  EXPECT_EQ(collector_.events().size(), 0u);
  Run(absl::Seconds(2));
  EXPECT_EQ(collector_.events().size(), 3u);
  EXPECT_EQ(dials_, 1);
}

TEST_F(SessionTest, WaitsGrowAndDifferBetweenDevices) {
  std::vector<double> waits[2];
  for (uint64_t device = 0; device < 2; ++device) {
    Session session(*reader_, device + 7);
    absl::Duration now = absl::Seconds(1);
    for (int i = 0; i < 40; ++i) {
      (void)session.Step(now);
      (void)session.Closed(Ending::kLost, now);
      waits[device].push_back(absl::ToDoubleSeconds(session.next_wake() - now));
      now = session.next_wake();
    }
  }
  EXPECT_LT(waits[0][0], 1.0);
  EXPECT_LT(waits[0][1], 2.0);
  EXPECT_GT(*std::max_element(waits[0].begin(), waits[0].end()), 60.0);
  EXPECT_LE(*std::max_element(waits[0].begin(), waits[0].end()), 300.0);
  EXPECT_NE(waits[0], waits[1]);
}

TEST_F(SessionTest, ARefusedDeviceAsksSeldom) {
  Do(session_->Step(now_));
  Do(session_->Closed(Ending::kRefused, now_));
  EXPECT_GE(session_->next_wake() - now_, absl::Minutes(7));
}

TEST_F(SessionTest, HostileAnswersSettleNothing) {
  Append(5);
  Do(session_->Step(now_));
  Run(absl::Seconds(1));
  committing_ = answering_ = false;
  Append(5);
  Do(session_->Step(now_));
  v1::ToDevice ack;
  ack.mutable_ack()->set_epoch(~0ull);
  ack.mutable_ack()->set_durable_sequence(~0ull);
  Do(session_->Received(ack, now_));
  ack.mutable_ack()->set_epoch(0);
  Do(session_->Received(ack, now_));
  v1::ToDevice welcome;
  welcome.mutable_welcome()->set_durable_sequence(~0ull);
  Do(session_->Received(welcome, now_));
  Do(session_->Received(v1::ToDevice(), now_));
  EXPECT_EQ(reader_->acknowledged(), 5u);
  EXPECT_EQ(session_->strange_messages(), 2u);
}

TEST_F(SessionTest, ASlowLinkGetsSmallerBatchesUntilItKeepsUp) {
  // 2 kB/s: the first batches cannot be acknowledged in time.
  Append(600, v1::LANE_NORMAL, 500);
  committing_ = answering_ = false;
  size_t smallest = Session::kMostBatchBytes * 2;
  for (int i = 0; i < 8; ++i) {
    Actions actions = session_->Step(now_);
    v1::ToDevice welcome;
    welcome.mutable_welcome();
    (void)session_->Written(now_);
    actions = session_->Received(welcome, now_);
    ASSERT_FALSE(actions.empty());
    const auto* send = std::get_if<SendMessage>(&actions.back());
    ASSERT_NE(send, nullptr);
    smallest = std::min(smallest, send->message.ByteSizeLong());
    now_ += Session::kAckDeadline;
    Do(session_->Step(now_));
    now_ = std::max(now_, session_->next_wake());
  }
  EXPECT_LE(smallest, Session::kLeastBatchBytes + 1024);
}

}  // namespace
}  // namespace schoolgate::agent
