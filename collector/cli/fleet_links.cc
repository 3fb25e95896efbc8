#include "collector/cli/fleet_links.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kTurn = absl::Milliseconds(10);
constexpr absl::Duration kBetweenWords = absl::Seconds(1);

absl::Duration Now() { return platform::SystemClock().SinceBoot(); }

}  // namespace

FleetLinks::FleetLinks(SimulatedHome home,
                       const std::vector<FleetDevice>& devices, Options options)
    : home_(std::move(home)), devices_(devices), options_(std::move(options)) {
  for (size_t i = 0; i < devices_.size(); ++i) {
    lines_.push_back({.link = nullptr,
                      .backoff = platform::Backoff(options_.seed + i),
                      .nonce = {}});
    batches_ += devices_[i].batches.size();
  }
}

FleetLinks::~FleetLinks() {
  // All first, so that they end at the same time.
  for (Line& line : lines_) {
    if (line.link != nullptr) line.link->HangUp();
  }
}

bool FleetLinks::Connect(absl::Duration patience) {
  return Drive(patience, [this] { return greeted_ == lines_.size(); });
}

bool FleetLinks::Send(
    absl::Duration patience,
    const std::function<absl::StatusOr<std::string>()>& blow) {
  sending_ = true;
  together_ = false;
  sending_since_ = Now();
  bool struck = blow == nullptr;
  const bool all = Drive(patience, [&] {
    const size_t acknowledged = AcknowledgedBatches();
    if (!struck && 2 * acknowledged >= batches_) {
      struck = true;
      Strike(blow);
      return false;
    }
    return acknowledged == batches_ && greeted_ == lines_.size();
  });
  for (size_t i = 0; i < lines_.size(); ++i) {
    const SimulatedLink* link = lines_[i].link.get();
    if (link == nullptr || !link->all_acknowledged()) ++counts_.unfinished;
  }
  return all;
}

void FleetLinks::Strike(
    const std::function<absl::StatusOr<std::string>()>& blow) {
  struck_ = Now();
  const absl::StatusOr<std::string> address = blow();
  if (address.ok()) {
    home_.collector = *address;
  } else if (counts_.first_failure.empty()) {
    counts_.first_failure = std::string(address.status().message());
  }
  // Everybody's link is gone, whether they have noticed or not.
  for (Line& line : lines_) {
    if (line.link == nullptr || line.lost) continue;
    line.link->HangUp();
    Lose(line, struck_);
  }
}

void FleetLinks::Lose(Line& line, absl::Duration now) {
  line.lost = true;
  ++counts_.lost;
  if (line.greeted) {
    --greeted_;
  } else {
    --opening_;
  }
  line.greeted = false;
  line.next_try = now + line.backoff.Next();
}

bool FleetLinks::Drive(absl::Duration patience,
                       const std::function<bool()>& done) {
  const absl::Duration until = Now() + patience;
  while (true) {
    const absl::Duration now = Now();
    if (sending_) Pace(now);
    TellProgress(now);
    for (size_t i = 0; i < lines_.size(); ++i) Tend(i, now);
    if (greeted_ == lines_.size() && struck_ > -absl::InfiniteDuration() &&
        counts_.back == absl::ZeroDuration()) {
      counts_.back = now - struck_;
    }
    if (done()) return true;
    if (now >= until) return false;
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kTurn));
  }
}

void FleetLinks::Tend(size_t device, absl::Duration now) {
  Line& line = lines_[device];
  if (line.link != nullptr && !line.lost) {
    if (line.link->ended()) {
      Lose(line, now);
      if (counts_.first_failure.empty()) {
        counts_.first_failure = line.link->status().error_message();
      }
    } else if (!line.greeted && line.link->welcomed()) {
      line.greeted = true;
      line.nonce = line.link->next_nonce();
      line.backoff.Reset();
      --opening_;
      ++greeted_;
    }
    return;
  }
  if (now < line.next_try) return;
  if (together_ && opening_ >= kFirstTogether) return;
  Open(device);
}

void FleetLinks::Open(size_t device) {
  Line& line = lines_[device];
  line.link.reset();
  line.lost = line.greeted = false;
  SimulatedLink::Options options;
  options.epoch = options_.epoch;
  options.contact_nonce = line.nonce;
  options.now = platform::SystemClock().Now();
  options.paced = true;
  options.linger = true;
  options.acknowledged = options_.acknowledged;
  line.link = std::make_unique<SimulatedLink>(
      OpenSimulatedChannel(home_, &devices_[device].identity),
      devices_[device].batches, std::move(options));
  line.link->Allow(line.allowed);
  ++opening_;
  ++counts_.opened;
}

// Lets batches go at the rate that is wanted, the devices in turn.
void FleetLinks::Pace(absl::Duration now) {
  size_t allowed = SIZE_MAX, more = 0;
  if (options_.batches_per_second > 0) {
    const double due = absl::ToDoubleSeconds(now - sending_since_) *
                       options_.batches_per_second;
    const size_t all = std::min(batches_, static_cast<size_t>(due) + 1);
    allowed = all / lines_.size();
    more = all % lines_.size();
    if (all == batches_) allowed = SIZE_MAX;
  }
  for (size_t i = 0; i < lines_.size(); ++i) {
    const size_t wanted =
        allowed == SIZE_MAX ? allowed : allowed + (i < more ? 1 : 0);
    if (wanted == lines_[i].allowed) continue;
    lines_[i].allowed = wanted;
    if (lines_[i].link != nullptr) lines_[i].link->Allow(wanted);
  }
}

void FleetLinks::TellProgress(absl::Duration now) {
  if (options_.progress == nullptr || now < next_word_) return;
  next_word_ = now + kBetweenWords;
  std::string words =
      absl::StrCat(greeted_, " of ", lines_.size(), " devices connected");
  if (sending_) {
    absl::StrAppend(&words, ", ", AcknowledgedBatches(), " of ", batches_,
                    " batches acknowledged");
  }
  if (counts_.lost > 0) {
    absl::StrAppend(&words, ", ", counts_.lost, " links lost (",
                    counts_.first_failure, ")");
  }
  options_.progress(words);
}

size_t FleetLinks::AcknowledgedBatches() const {
  size_t all = 0;
  for (const Line& line : lines_) {
    if (line.link != nullptr) all += line.link->acknowledged_batches();
  }
  return all;
}

}  // namespace schoolgate::collector
