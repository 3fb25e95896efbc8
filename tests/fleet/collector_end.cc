#include "tests/fleet/collector_end.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/fleet/contact_nonce.h"

namespace schoolgate::tests {
namespace {

constexpr char kSecret[] = "the simulated collector's own secret";
constexpr uint32_t kCreditBytes = 64 * 1024;
constexpr absl::Duration kGroup = absl::Milliseconds(30);
constexpr absl::Duration kLongestDown = absl::Seconds(20);
// Latency, and a batch that waited on a slow wire.
constexpr absl::Duration kDateError = absl::Seconds(4);

}  // namespace

CollectorEnd::CollectorEnd(std::string folder, absl::Time base,
                           Timeline& timeline, std::mt19937_64& random)
    : folder_(std::move(folder)),
      base_(base),
      timeline_(timeline),
      random_(random) {
  Start();
}

void CollectorEnd::Start() {
  auto store = collector::OpenSqliteEventStore(folder_);
  if (!store.ok()) {
    wrong_ = std::string(store.status().message());
    return;
  }
  store_ = *std::move(store);
}

void CollectorEnd::AddDevice(const std::string& name,
                             const std::string& signing_key) {
  collector::Device& device = devices_[name];
  device.id = name;
  device.school = "oak";
  device.group = "pupils";
  device.signing_key = signing_key;
}

// What is not committed is gone, and so are all streams.
void CollectorEnd::Crash() {
  ++crashes_;
  pending_.clear();
  for (auto& [wire, stream] : std::exchange(streams_, {})) {
    stream->wire->on_collector_end = nullptr;
    stream->wire->Cut();
  }
  store_.reset();
  const auto down =
      absl::Milliseconds(random_() % absl::ToInt64Milliseconds(kLongestDown));
  timeline_.In(down, [this] { Start(); });
}

void CollectorEnd::Receive(const std::shared_ptr<Wire>& wire,
                           const std::string& device,
                           const v1::FromDevice& message,
                           const Answer& answer) {
  if (!up()) return wire->Cut();
  if (message.has_hello())
    return OnHello(wire, device, message.hello(), answer);
  OnBatch(wire, message.batch());
}

void CollectorEnd::OnHello(const std::shared_ptr<Wire>& wire,
                           const std::string& device, const v1::Hello& hello,
                           const Answer& answer) {
  collector::Device& known = devices_[device];
  const collector::ContactStep step = collector::NextContact(
      kSecret, device, known.contact_nonce, hello.contact_nonce());
  if (step.verdict == collector::ContactVerdict::kClone) {
    wrong_ = device + " was taken for a copy of itself";
    return;
  }
  known.contact_nonce = step.state;
  const auto durable = store_->DurableSequence(device, hello.epoch());
  if (!durable.ok()) return wire->Cut();
  auto stream = std::make_shared<Stream>();
  stream->wire = wire;
  stream->boot_id = hello.boot_id();
  stream->answer = answer;
  stream->opener = std::make_unique<collector::BatchOpener>(
      known, collector::DeviceClock(hello, Now()), keys_);
  streams_[wire.get()] = stream;
  wire->on_collector_end = [this, end = wire.get()] { streams_.erase(end); };
  v1::ToDevice message;
  message.mutable_welcome()->set_durable_sequence(*durable);
  message.mutable_welcome()->set_credit_bytes(kCreditBytes);
  message.mutable_welcome()->set_contact_nonce(step.give);
  message.mutable_welcome()->set_server_time_unix_us(absl::ToUnixMicros(Now()));
  answer(std::move(message));
}

void CollectorEnd::OnBatch(const std::shared_ptr<Wire>& wire,
                           const v1::Batch& batch) {
  const auto found = streams_.find(wire.get());
  if (found == streams_.end()) return wire->Cut();
  auto opened = found->second->opener->Open(batch, Now());
  if (!opened.ok() || !opened->refused.empty()) {
    wrong_ = absl::StrCat(
        "a batch could not be opened: ",
        opened.ok() ? opened->refused.front().why : opened.status().message());
    return;
  }
  CheckDates(*found->second, opened->events);
  pending_.push_back({found->second, *std::move(opened)});
  if (!std::exchange(commit_due_, true)) {
    timeline_.In(kGroup, [this] { Commit(); });
  }
}

// Events of the boot that said hello are dated rightly whatever its clock.
void CollectorEnd::CheckDates(
    const Stream& stream, const std::vector<collector::StoredEvent>& events) {
  for (const collector::StoredEvent& stored : events) {
    if (!stored.event.has_tamper() ||
        stored.event.boot_id() != stream.boot_id) {
      continue;
    }
    const absl::Time truth =
        base_ + absl::Microseconds(std::stoll(stored.event.tamper().detail()));
    if (absl::AbsDuration(stored.happened - truth) > kDateError) {
      wrong_ = absl::StrCat("event ", stored.event.tamper().kind(), " of ",
                            stored.device, " is dated wrongly by ",
                            absl::FormatDuration(stored.happened - truth));
    }
  }
}

void CollectorEnd::Commit() {
  commit_due_ = false;
  if (!up()) return;
  if (Chance(faults_.crash)) return Crash();
  std::vector<Pending> group = std::exchange(pending_, {});
  std::vector<collector::StoredEvent> events;
  for (Pending& pending : group) {
    std::move(pending.batch.events.begin(), pending.batch.events.end(),
              std::back_inserter(events));
  }
  const bool failed = Chance(faults_.failed_commit);
  if (!failed) {
    ++commits_;
    if (const auto stored = store_->Append(std::move(events)); !stored.ok()) {
      wrong_ = std::string(stored.status().message());
      return;
    }
  }
  // The worst moment: durable, and nobody was told.
  if (Chance(faults_.crash)) return Crash();
  for (const Pending& pending : group) {
    Stream& stream = *pending.stream;
    // After a failure nothing later of a stream may be acknowledged.
    stream.failed |= failed;
    if (stream.failed) {
      stream.wire->Cut();
      continue;
    }
    v1::ToDevice message;
    message.mutable_ack()->set_epoch(pending.batch.epoch);
    message.mutable_ack()->set_durable_sequence(pending.batch.last_sequence);
    stream.answer(std::move(message));
  }
}

std::string CollectorEnd::ReadAll(std::vector<collector::StoredEvent>* all) {
  uint64_t cursor = 0;
  while (up()) {
    auto some = store_->ReadAfter(cursor, 10'000, &cursor);
    if (!some.ok()) return std::string(some.status().message());
    if (some->empty()) return "";
    std::move(some->begin(), some->end(), std::back_inserter(*all));
  }
  return "the collector is down";
}

}  // namespace schoolgate::tests
