#include "tests/fleet/device_end.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace schoolgate::tests {
namespace {

using platform::DiskOperation;

constexpr uint64_t kMuch = 1ull << 40;

absl::Duration Between(std::mt19937_64& random, absl::Duration least,
                       absl::Duration most) {
  return least +
         absl::Milliseconds(random() % absl::ToInt64Milliseconds(most - least));
}

}  // namespace

DeviceEnd::DeviceEnd(std::string name, absl::Time base, Timeline& timeline,
                     CollectorEnd& collector, std::mt19937_64& random)
    : name_(std::move(name)),
      base_(base),
      timeline_(timeline),
      collector_(collector),
      random_(random),
      tight_(random() % 3 == 0) {
  collector.AddDevice(name_, key_.public_key());
}

void DeviceEnd::Begin() {
  PowerOn();
  timeline_.In(Between(random_, absl::ZeroDuration(), kTurn),
               [this] { Turn(); });
}

void DeviceEnd::PowerOn() {
  on_ = true;
  ++boot_;
  booted_ = timeline_.now() - absl::Seconds(1);
  StartAgent();
  StartUplink();
}

void DeviceEnd::PowerOff() {
  ++power_cuts_;
  on_ = false;
  if (wire_ != nullptr) wire_->HangUp();
  wire_ = nullptr;
  disk_.SetFault(nullptr);
  disk_.SetFreeBytes(kMuch);
  disk_.LosePower(random_);
  session_.reset();
  reader_.reset();
  writer_.reset();
  pending_.clear();
}

// Also an update: the run before says its last word to the disk.
void DeviceEnd::StartAgent() {
  if (writer_ != nullptr) Sync();
  writer_.reset();
  reader_.reset();
  session_.reset();
  root_ = disk_.OpenRoot();
  agent::SpoolOptions options;
  options.device = name_;
  options.collector_key = collector_.sealing_key();
  options.boot_id = absl::StrCat("boot-", boot_);
  options.segment_bytes = 8192;
  options.quota_bytes = tight_ ? 64 * 1024 : 64 << 20;
  writer_ = *agent::SpoolWriter::Start(*root_, options, key_,
                                       base_ + timeline_.now() + clock_error_);
}

void DeviceEnd::StartUplink() {
  if (wire_ != nullptr) wire_->HangUp();
  wire_ = nullptr;
  reader_ = agent::SpoolReader::Open(*root_);
  session_ = std::make_unique<agent::Session>(*reader_, random_());
}

void DeviceEnd::Heal() {
  healed_ = true;
  network_back_ = disk_back_ = timeline_.now();
  disk_.SetFault(nullptr);
  disk_.SetFreeBytes(kMuch);
  disk_.SetFreeInodes(kMuch);
}

void DeviceEnd::Turn() {
  timeline_.In(kTurn, [this] { Turn(); });
  if (!on_) return;
  Misfortune();
  if (!on_) return;
  if (!healed_) Write();
  const uint64_t failures = writer_->counters().sync_failures;
  writer_->Tick(Up());
  if (writer_->counters().sync_failures > failures) pending_.clear();
  reader_->Refresh();
  Carry(session_->Step(Up()));
}

void DeviceEnd::Misfortune() {
  if (timeline_.now() >= disk_back_ && disk_back_ > absl::ZeroDuration()) {
    disk_back_ = absl::ZeroDuration();
    disk_.SetFault(nullptr);
    disk_.SetFreeBytes(kMuch);
    disk_.SetFreeInodes(kMuch);
  }
  if (Chance(400)) BreakDisk();
  if (Chance(250)) BreakNetwork();
  if (Chance(300)) {
    const absl::Duration errors[] = {absl::ZeroDuration(), absl::Hours(1),
                                     -absl::Hours(24 * 365 * 56),
                                     absl::Hours(24 * 3652)};
    clock_error_ = errors[random_() % std::size(errors)];
  }
  if (Chance(400)) StartUplink();
  if (Chance(600)) {
    StartAgent();
    StartUplink();
  }
  if (!Chance(500)) return;
  PowerOff();
  timeline_.In(Between(random_, absl::ZeroDuration(), absl::Minutes(1)),
               [this] { PowerOn(); });
}

void DeviceEnd::BreakDisk() {
  disk_back_ =
      timeline_.now() + Between(random_, absl::Seconds(1), absl::Seconds(40));
  if (random_() % 2 == 0) {
    may_lose_ = true;
    disk_.SetFreeBytes(random_() % 60'000);
    disk_.SetFreeInodes(random_() % 12);
    return;
  }
  // What fails to be read may be lost, so only changes fail here.
  disk_.SetFault([this](DiskOperation operation, const std::string&) {
    if (operation == DiskOperation::kRead ||
        operation == DiskOperation::kOpen ||
        operation == DiskOperation::kList || random_() % 4 != 0) {
      return absl::OkStatus();
    }
    return absl::UnavailableError("injected");
  });
}

// Cut by a proxy, gone for a while, or swallowed without a word.
void DeviceEnd::BreakNetwork() {
  const uint64_t kind = random_() % 3;
  if (kind != 0) {
    network_back_ =
        timeline_.now() + Between(random_, absl::Seconds(1), absl::Minutes(1));
  }
  if (wire_ == nullptr) return;
  kind == 2 ? wire_->Swallow() : wire_->Cut();
}

void DeviceEnd::Write() {
  for (uint64_t left = random_() % 4; left > 0; --left) {
    const auto lane = static_cast<v1::Lane>(1 + random_() % 3);
    v1::Event event;
    const uint64_t number = ++number_;
    event.set_time_unix_us(
        absl::ToUnixMicros(base_ + timeline_.now() + clock_error_));
    event.mutable_tamper()->set_kind(absl::StrCat(number));
    event.mutable_tamper()->set_detail(
        absl::StrCat(absl::ToInt64Microseconds(timeline_.now()), " ",
                     std::string(random_() % 600, 'x')));
    const uint64_t failures = writer_->counters().sync_failures;
    const auto place = writer_->Append(std::move(event), lane, Up());
    if (writer_->counters().sync_failures > failures) {
      pending_.clear();
    } else if (place.ok()) {
      NoteDurable(lane == v1::LANE_URGENT, {place->epoch, place->sequence},
                  number);
    }
  }
  if (random_() % 4 == 0) Sync();
}

void DeviceEnd::NoteDurable(bool urgent, Place place, uint64_t number) {
  if (urgent) {
    promised_[place] = number;
  } else {
    pending_.push_back({place, number});
  }
}

void DeviceEnd::Sync() {
  const uint64_t failures = writer_->counters().sync_failures;
  if (writer_->Sync().ok() && writer_->counters().sync_failures == failures) {
    promised_.insert(pending_.begin(), pending_.end());
  }
  pending_.clear();
}

void DeviceEnd::Carry(agent::Actions actions) {
  for (agent::Action& action : actions) {
    if (std::holds_alternative<agent::Dial>(action)) {
      Dial();
    } else if (auto* send = std::get_if<agent::SendMessage>(&action)) {
      Send(std::move(send->message));
    } else if (std::holds_alternative<agent::HangUp>(action)) {
      if (wire_ != nullptr) wire_->HangUp();
      Lost();
    } else if (auto* greeted = std::get_if<agent::Greeted>(&action)) {
      // A crash may come before it is on the disk.
      if (!Chance(10)) nonce_ = greeted->welcome.contact_nonce();
    }
  }
}

void DeviceEnd::Dial() {
  flying_.clear();
  wire_ = std::make_shared<Wire>(
      timeline_,
      Between(random_, absl::Milliseconds(2),
              random_() % 8 == 0 ? absl::Seconds(2) : absl::Milliseconds(80)));
  wire_->on_device_end = [this, wire = wire_.get()] {
    if (wire_.get() == wire) Lost();
  };
  if (timeline_.now() < network_back_) wire_->Cut();
}

void DeviceEnd::Lost() {
  wire_ = nullptr;
  if (session_ != nullptr) {
    Carry(session_->Closed(agent::Ending::kLost, Up()));
  }
}

void DeviceEnd::Send(v1::FromDevice message) {
  if (wire_ == nullptr) return;
  if (message.has_hello()) AddFacts(message.mutable_hello());
  if (message.has_batch()) {
    const v1::Batch& batch = message.batch();
    for (int i = 0; i < batch.records_size(); ++i) {
      flying_.insert(
          {batch.epoch(), batch.first_sequence() + static_cast<uint64_t>(i)});
    }
  }
  const auto answer = [this, wire = wire_](v1::ToDevice answered) {
    wire->Carry(false, [this, wire, answered = std::move(answered)] {
      if (wire_ == wire) Received(answered);
    });
  };
  wire_->Carry(true,
               [this, wire = wire_, answer, message = std::move(message)] {
                 collector_.Receive(wire, name_, message, answer);
               });
  timeline_.In(Between(random_, absl::Milliseconds(1), absl::Milliseconds(20)),
               [this, wire = wire_] {
                 if (wire_ == wire) Carry(session_->Written(Up()));
               });
}

void DeviceEnd::AddFacts(v1::Hello* hello) const {
  hello->set_contact_nonce(nonce_);
  hello->set_boot_id(absl::StrCat("boot-", boot_));
  hello->set_boot_us(absl::ToInt64Microseconds(Up()));
  hello->set_time_unix_us(
      absl::ToUnixMicros(base_ + timeline_.now() + clock_error_));
}

void DeviceEnd::Received(const v1::ToDevice& message) {
  if (message.has_ack()) {
    std::erase_if(flying_, [&](const Place& place) {
      if (place.first != message.ack().epoch() ||
          place.second > message.ack().durable_sequence()) {
        return false;
      }
      acknowledged_.insert(place);
      return true;
    });
  }
  Carry(session_->Received(message, Up()));
}

bool DeviceEnd::drained() { return on_ && agent::CountWaiting(*root_) == 0; }

std::string DeviceEnd::Judge(
    const std::vector<collector::StoredEvent>& stored) const {
  std::map<Place, const v1::Event*> found;
  std::set<uint64_t> seen;
  std::map<uint64_t, uint64_t> latest;
  for (const collector::StoredEvent& one : stored) {
    const Place place{one.epoch, one.event.sequence()};
    if (!found.emplace(place, &one.event).second) {
      return absl::StrCat("stored twice: ", place.first, "/", place.second);
    }
    if (!one.event.has_tamper()) continue;
    const uint64_t number = std::stoull(one.event.tamper().kind());
    if (!seen.insert(number).second) {
      return absl::StrCat("event ", number, " is there under two names");
    }
    if (std::exchange(latest[one.epoch], number) >= number) {
      return absl::StrCat("event ", number, " is out of order");
    }
  }
  return JudgeStored(found);
}

std::string DeviceEnd::JudgeStored(
    const std::map<Place, const v1::Event*>& found) const {
  uint64_t counted = 0, untold = 0;
  std::vector<v1::Gap> gaps;
  for (const auto& [place, event] : found) {
    if (!event->has_gap()) continue;
    gaps.push_back(event->gap());
    if (event->gap().epoch() == 0) counted += event->gap().events();
  }
  const auto told = [&](const Place& place) {
    return std::any_of(gaps.begin(), gaps.end(), [&](const v1::Gap& gap) {
      return gap.epoch() == place.first &&
             gap.first_sequence() <= place.second &&
             place.second <= gap.last_sequence();
    });
  };
  for (const Place& place : acknowledged_) {
    if (!found.contains(place)) {
      return absl::StrCat("acknowledged and not stored: ", place.first, "/",
                          place.second);
    }
  }
  std::string first;
  for (const auto& [place, number] : promised_) {
    const auto event = found.find(place);
    if (event != found.end()) {
      if (event->second->tamper().kind() == absl::StrCat(number)) continue;
      return absl::StrCat("another event came in the place of ", number);
    }
    if (told(place) && (tight_ || may_lose_)) continue;
    ++untold;
    if (first.empty()) {
      first = absl::StrCat("lost: event ", number, " at ", place.first, "/",
                           place.second);
    }
  }
  return (tight_ || may_lose_) && untold <= counted ? "" : first;
}

}  // namespace schoolgate::tests
