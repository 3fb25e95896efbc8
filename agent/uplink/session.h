// What the uplink does next: when to dial, what to send, when to give a link
// up. Knows no sockets: it is told what happened and when, and answers with
// actions.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "agent/spool/spool_reader.h"
#include "platform/backoff.h"
#include "proto/uplink.pb.h"

namespace schoolgate::agent {

// Why a link came to its end.
enum class Ending {
  kLost,     // network, restart, overload: try again soon
  kRefused,  // the collector knows us and says no: asking often is no use
};

struct Dial {};
struct HangUp {
  std::string why;  // empty: nothing is wrong
};
struct SendMessage {
  v1::FromDevice message;
};
// The collector has let us in.
struct Greeted {
  v1::Welcome welcome;
};
struct Offered {
  v1::BundleOffer offer;
};
// An order or a root, for the agent.
struct Handed {
  v1::Paper paper;
};
using Action =
    std::variant<Dial, HangUp, SendMessage, Greeted, Offered, Handed>;
using Actions = std::vector<Action>;

// Times are since boot. Not thread-safe.
class Session {
 public:
  static constexpr absl::Duration kAckDeadline = absl::Seconds(15);
  static constexpr absl::Duration kGreetingDeadline = absl::Seconds(15);
  static constexpr absl::Duration kRefusedWait = absl::Minutes(15);
  static constexpr absl::Duration kLongestSlowDown = absl::Minutes(10);
  static constexpr absl::Duration kSaveInterval = absl::Seconds(1);
  static constexpr absl::Duration kDay = absl::Hours(24);
  static constexpr size_t kMostBatchBytes = 256 * 1024;
  static constexpr size_t kLeastBatchBytes = 8 * 1024;

  // `reader` outlives the session. `seed` makes the waits of devices differ.
  // `bytes_a_day`: when so much was sent, only urgent events go until a day
  // has passed since the first of them; 0: no limit. It begins anew with the
  // session.
  Session(SpoolReader& reader, uint64_t seed, uint64_t bytes_a_day = 0);

  // Time has passed, or the spool has something new (after Refresh).
  Actions Step(absl::Duration now);
  Actions Received(const v1::ToDevice& message, absl::Duration now);
  // The message sent last has left us; the next may go.
  Actions Written(absl::Duration now);
  // Also the answer to HangUp. Never called for a link that was not dialled.
  Actions Closed(Ending ending, absl::Duration now);

  // Nothing happens by itself before this.
  absl::Duration next_wake() const;

  // There is a new certificate to be proven: dial anew, without waiting.
  Actions Redial();

  bool connected() const { return state_ == State::kStreaming; }
  int failures() const { return backoff_.failures(); }
  size_t in_flight_bytes() const { return in_flight_bytes_; }
  // The latest of the messages that were never to be sent on a link like this.
  uint64_t strange_messages() const { return strange_messages_; }

 private:
  enum class State { kWaiting, kGreeting, kStreaming, kHangingUp };
  struct Flight {
    uint64_t epoch = 0;
    uint64_t last = 0;
    size_t bytes = 0;
    absl::Duration sent;
  };

  v1::FromDevice MakeHello();
  void Greet(const v1::Welcome& welcome, absl::Duration now, Actions* actions);
  void Acknowledge(const v1::Ack& ack, absl::Duration now);
  void SendMore(absl::Duration now, Actions* actions);
  void GiveUp(const std::string& why, Actions* actions);
  void SaveWhenDue(absl::Duration now, bool at_once);
  size_t Window() const;
  bool DayIsFull(absl::Duration now);

  SpoolReader& reader_;
  platform::Backoff backoff_;
  State state_ = State::kWaiting;
  absl::Duration wait_until_ = absl::ZeroDuration();
  bool hurry_ = false;  // the next step may not wait
  absl::Duration greeting_until_;
  absl::Duration progress_at_;  // last acknowledgement, or first flight
  absl::Duration slow_until_ = absl::ZeroDuration();
  absl::Duration saved_at_ = absl::ZeroDuration();
  bool writing_ = false;  // a message is on its way out
  uint64_t hello_epoch_ = 0;
  size_t credit_bytes_ = 0;
  size_t batch_bytes_ = kMostBatchBytes;  // halves on links too slow for it
  std::deque<Flight> in_flight_;
  size_t in_flight_bytes_ = 0;
  uint64_t strange_messages_ = 0;
  const uint64_t bytes_a_day_;
  uint64_t day_bytes_ = 0;
  absl::Duration day_began_ = absl::ZeroDuration();
};

}  // namespace schoolgate::agent
