#include "agent/uplink/session.h"

#include <algorithm>
#include <utility>

namespace schoolgate::agent {
namespace {

constexpr size_t kDefaultCredit = 1 << 20;
constexpr size_t kBatchesInFlight = 4;
constexpr size_t kRecordsPerBatch = 1000;
constexpr absl::Duration kFastAck = absl::Seconds(2);

}  // namespace

Session::Session(SpoolReader& reader, uint64_t seed, uint64_t bytes_a_day)
    : reader_(reader), backoff_(seed), bytes_a_day_(bytes_a_day) {}

Actions Session::Step(absl::Duration now) {
  Actions actions;
  if (now >= slow_until_) slow_until_ = absl::ZeroDuration();
  switch (state_) {
    case State::kWaiting:
      if (now < wait_until_) break;
      state_ = State::kGreeting;
      greeting_until_ = now + kGreetingDeadline;
      writing_ = true;
      actions.push_back(Dial{});
      actions.push_back(SendMessage{MakeHello()});
      break;
    case State::kGreeting:
      if (now >= greeting_until_) {
        GiveUp("no answer to the greeting", &actions);
      }
      break;
    case State::kStreaming:
      if (!in_flight_.empty() && now - progress_at_ >= kAckDeadline) {
        batch_bytes_ = std::max(kLeastBatchBytes, batch_bytes_ / 2);
        GiveUp("no acknowledgement in time", &actions);
        break;
      }
      SendMore(now, &actions);
      break;
    case State::kHangingUp:
      break;
  }
  SaveWhenDue(now, false);
  return actions;
}

v1::FromDevice Session::MakeHello() {
  v1::FromDevice message;
  hello_epoch_ = reader_.place().epoch;
  message.mutable_hello()->set_epoch(hello_epoch_);
  message.mutable_hello()->set_last_sequence(reader_.acknowledged_of_place());
  return message;
}

Actions Session::Received(const v1::ToDevice& message, absl::Duration now) {
  Actions actions;
  switch (message.kind_case()) {
    case v1::ToDevice::kWelcome:
      if (state_ == State::kGreeting) {
        Greet(message.welcome(), now, &actions);
      } else {
        ++strange_messages_;
      }
      break;
    case v1::ToDevice::kAck:
      Acknowledge(message.ack(), now);
      break;
    case v1::ToDevice::kBundleOffer:
      actions.push_back(Offered{message.bundle_offer()});
      break;
    case v1::ToDevice::kPaper:
      actions.push_back(Handed{message.paper()});
      break;
    case v1::ToDevice::kSlowDown:
      slow_until_ =
          now + std::clamp(absl::Milliseconds(message.slow_down().wait_ms()),
                           absl::ZeroDuration(), kLongestSlowDown);
      break;
    case v1::ToDevice::KIND_NOT_SET:
      ++strange_messages_;  // of a newer collector
      break;
  }
  if (state_ == State::kStreaming) SendMore(now, &actions);
  return actions;
}

void Session::Greet(const v1::Welcome& welcome, absl::Duration now,
                    Actions* actions) {
  state_ = State::kStreaming;
  progress_at_ = now;
  slow_until_ = absl::ZeroDuration();
  credit_bytes_ =
      welcome.credit_bytes() == 0 ? kDefaultCredit : welcome.credit_bytes();
  if (welcome.durable_sequence() > 0) {
    reader_.Skip(hello_epoch_, welcome.durable_sequence());
  }
  actions->push_back(Greeted{welcome});
}

void Session::Acknowledge(const v1::Ack& ack, absl::Duration now) {
  reader_.Acknowledge(ack.epoch(), ack.durable_sequence());
  bool progress = false;
  std::erase_if(in_flight_, [&](const Flight& flight) {
    if (flight.epoch != ack.epoch() || flight.last > ack.durable_sequence()) {
      return false;
    }
    if (now - flight.sent < kFastAck) {
      batch_bytes_ = std::min(kMostBatchBytes, batch_bytes_ * 2);
    }
    in_flight_bytes_ -= flight.bytes;
    progress = true;
    return true;
  });
  if (!progress) return;
  progress_at_ = now;
  backoff_.Reset();
  SaveWhenDue(now, in_flight_.empty());
}

size_t Session::Window() const {
  return std::min(credit_bytes_, kBatchesInFlight * batch_bytes_);
}

bool Session::DayIsFull(absl::Duration now) {
  if (bytes_a_day_ == 0) return false;
  if (day_bytes_ == 0 || now - day_began_ >= kDay) {
    day_began_ = now;
    day_bytes_ = 0;
  }
  return day_bytes_ >= bytes_a_day_;
}

void Session::SendMore(absl::Duration now, Actions* actions) {
  if (state_ != State::kStreaming || writing_ || now < slow_until_) return;
  if (!in_flight_.empty() && in_flight_bytes_ >= Window()) return;
  // A batch may overshoot its limit by one record.
  BatchLimits limits{
      std::min(batch_bytes_, std::max(credit_bytes_ / 2, kLeastBatchBytes)),
      kRecordsPerBatch, DayIsFull(now)};
  auto batch = reader_.Next(limits);
  if (!batch) return;
  if (in_flight_.empty()) progress_at_ = now;
  in_flight_.push_back(
      {batch->epoch, batch->last_sequence(), batch->bytes, now});
  in_flight_bytes_ += batch->bytes;
  day_bytes_ += batch->bytes;
  writing_ = true;
  SendMessage send;
  v1::Batch* words = send.message.mutable_batch();
  words->set_epoch(batch->epoch);
  words->set_segment_header(std::move(batch->segment_header));
  words->set_first_sequence(batch->first_sequence);
  for (std::string& record : batch->records) {
    words->add_records(std::move(record));
  }
  actions->push_back(std::move(send));
}

Actions Session::Written(absl::Duration now) {
  Actions actions;
  writing_ = false;
  SendMore(now, &actions);
  return actions;
}

void Session::GiveUp(const std::string& why, Actions* actions) {
  state_ = State::kHangingUp;
  actions->push_back(HangUp{why});
}

Actions Session::Redial() {
  Actions actions;
  wait_until_ = absl::ZeroDuration();
  if (state_ == State::kGreeting || state_ == State::kStreaming) {
    hurry_ = true;
    GiveUp("", &actions);
  }
  return actions;
}

Actions Session::Closed(Ending ending, absl::Duration now) {
  reader_.Rewind();
  in_flight_.clear();
  in_flight_bytes_ = 0;
  writing_ = false;
  state_ = State::kWaiting;
  wait_until_ =
      now + (ending == Ending::kRefused ? backoff_.Around(kRefusedWait)
                                        : backoff_.Next());
  if (std::exchange(hurry_, false)) wait_until_ = now;
  SaveWhenDue(now, true);
  return {};
}

void Session::SaveWhenDue(absl::Duration now, bool at_once) {
  if (!reader_.unsaved()) return;
  if (!at_once && now - saved_at_ < kSaveInterval) return;
  saved_at_ = now;
  (void)reader_.Save();  // where it fails, tried again
}

absl::Duration Session::next_wake() const {
  absl::Duration wake = absl::InfiniteDuration();
  if (reader_.unsaved()) wake = saved_at_ + kSaveInterval;
  switch (state_) {
    case State::kWaiting:
      return std::min(wake, wait_until_);
    case State::kGreeting:
      return std::min(wake, greeting_until_);
    case State::kStreaming:
      if (!in_flight_.empty()) {
        wake = std::min(wake, progress_at_ + kAckDeadline);
      }
      if (slow_until_ > absl::ZeroDuration()) {
        wake = std::min(wake, slow_until_);
      }
      if (bytes_a_day_ != 0 && day_bytes_ >= bytes_a_day_) {
        wake = std::min(wake, day_began_ + kDay);
      }
      return wake;
    case State::kHangingUp:
      return wake;
  }
  return wake;
}

}  // namespace schoolgate::agent
