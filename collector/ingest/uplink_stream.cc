#include "collector/ingest/uplink_stream.h"

#include "absl/strings/str_cat.h"
#include "collector/fleet/contact_nonce.h"
#include "collector/fleet/enrolment.h"
#include "collector/fleet/journal.h"
#include "collector/fleet/refusal.h"
#include "collector/ingest/peer.h"

namespace schoolgate::collector {
namespace {

grpc::Status ShuttingDown() {
  return grpc::Status(grpc::StatusCode::UNAVAILABLE,
                      "collector: shutting down");
}

}  // namespace

void OpenStreams::Add(const std::string& device,
                      std::shared_ptr<UplinkStream> stream) {
  std::shared_ptr<UplinkStream> earlier, late;
  {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<UplinkStream>& place = streams_[device];
    earlier = place.lock();
    if (draining_) late = stream;
    place = std::move(stream);
  }
  if (late != nullptr) late->Drain();
  if (earlier != nullptr) {
    earlier->End(
        grpc::Status(grpc::StatusCode::ABORTED, "this device connected again"));
  }
}

void OpenStreams::Remove(const std::string& device,
                         const UplinkStream* stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(device);
  if (found == streams_.end()) return;
  const std::shared_ptr<UplinkStream> current = found->second.lock();
  if (current == nullptr || current.get() == stream) streams_.erase(found);
  if (streams_.empty()) fewer_.notify_all();
}

bool OpenStreams::Drain(absl::Duration patience) {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  for (const auto& stream : All()) stream->Drain();
  std::unique_lock lock(mutex_);
  return fewer_.wait_for(lock, absl::ToChronoMicroseconds(patience),
                         [this] { return streams_.empty(); });
}

std::vector<std::shared_ptr<UplinkStream>> OpenStreams::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<UplinkStream>> all;
  for (const auto& [device, weak] : streams_) {
    if (auto stream = weak.lock()) all.push_back(std::move(stream));
  }
  return all;
}

std::shared_ptr<UplinkStream> UplinkStream::Start(
    StreamWorld& world, const std::string& device_name) {
  std::shared_ptr<UplinkStream> stream(new UplinkStream(world, device_name));
  stream->self_ = stream;
  ++world.intake.counters().streams;
  ++world.intake.counters().opened;
  stream->ReadNext();
  return stream;
}

void UplinkStream::ReadNext() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || end_ || draining_) return;
    starting_ = true;
  }
  incoming_.Clear();  // else a large batch would stay until the next comes
  StartRead(&incoming_);
  {
    const std::lock_guard lock(mutex_);
    starting_ = false;
  }
  Pump();
}

void UplinkStream::OnReadDone(bool ok) {
  const std::shared_ptr<UplinkStream> keep = shared_from_this();
  if (!ok) {
    // The device has said all: what it sent is still to be acknowledged.
    {
      const std::lock_guard lock(mutex_);
      said_all_ = true;
    }
    return Pump();
  }
  absl::Status status = absl::InvalidArgumentError("message: of no known kind");
  if (incoming_.has_hello()) {
    status = OnHello(incoming_.hello());
  } else if (incoming_.has_batch()) {
    status = OnBatch(incoming_.batch());
  }
  if (!status.ok()) {
    Log(Level::kWarning, "stream_refused",
        {{"device", device_name_}, {"why", std::string(status.message())}});
    ++world_.intake.counters().turned_away;
    return End(ToGrpc(status));
  }
}

absl::Status UplinkStream::OnHello(const v1::Hello& hello) {
  if (opener_) return absl::InvalidArgumentError("hello: said twice");
  const absl::Time now = world_.clock.Now();
  absl::StatusOr<Device> device = world_.devices.Get(device_name_);
  if (absl::IsNotFound(device.status())) {
    return Refuse(absl::StatusCode::kPermissionDenied, "unknown_device",
                  absl::StrCat(device_name_,
                               ": not a device of this "
                               "collector: enrol it"));
  }
  if (!device.ok()) return device.status();
  absl::Status status = CheckState(*device);
  if (!status.ok()) return status;
  const ContactStep step =
      NextContact(world_.contact_secret, device->id, device->contact_nonce,
                  hello.contact_nonce());
  if (step.verdict == ContactVerdict::kClone) {
    status = world_.devices.SetState(device->id, DeviceState::kQuarantined);
    if (status.ok()) {
      status =
          world_.audit.Append({.time = now,
                               .who = "system",
                               .action = "quarantine",
                               .about = device->id,
                               .detail = "a copy of this device made contact",
                               .hash = ""});
    }
    if (!status.ok()) return status;
    device->state = DeviceState::kQuarantined;
    return CheckState(*device);
  }
  const absl::StatusOr<uint64_t> durable =
      world_.events.DurableSequence(device->id, hello.epoch());
  if (!durable.ok()) return durable.status();
  const DeviceClock clock(hello, now);
  school_ = device->school;
  assigned_ = AssignedNow(*device);
  // One that does not say is of a time when there was one authority only.
  renew_ = !hello.authority_hash().empty() &&
           hello.authority_hash() != world_.authority_hash;
  state_checked_ = contact_noted_ = now;
  {
    const std::lock_guard lock(mutex_);
    device_bundle_ = hello.bundle_hash();
    device_version_ = device->heartbeat.bundle_version();
  }
  opener_.emplace(*std::move(device), clock, world_.keys);
  DeviceContact contact;
  contact.id = device_name_;
  contact.contact_nonce = step.state;
  contact.last_contact = now;
  contact.clock_offset = clock.offset();
  const bool taken = world_.intake.Record(
      std::move(contact), [self = shared_from_this(), durable = *durable,
                           give = step.give](const absl::Status& recorded) {
        self->Welcome(durable, give, recorded);
      });
  return taken ? absl::OkStatus()
               : absl::UnavailableError("collector: shutting down");
}

void UplinkStream::Welcome(uint64_t durable, const std::string& nonce,
                           const absl::Status& recorded) {
  if (!recorded.ok()) {
    return End(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                            std::string(recorded.message()), "overloaded"));
  }
  world_.open.Add(device_name_, shared_from_this());
  {
    const std::lock_guard lock(mutex_);
    v1::Welcome& welcome = welcome_.emplace();
    welcome.set_durable_sequence(durable);
    welcome.set_credit_bytes(kCreditBytes);
    welcome.set_server_time_unix_us(absl::ToUnixMicros(world_.clock.Now()));
    welcome.set_contact_nonce(nonce);
    welcome.set_renew(renew_);
    welcome.mutable_assigned()->Add(assigned_.begin(), assigned_.end());
    greeted_ = true;
  }
  OfferRules();
  ReadNext();
}

absl::Status UplinkStream::OnBatch(const v1::Batch& batch) {
  if (!opener_) return absl::InvalidArgumentError("batch: before hello");
  const absl::Time now = world_.clock.Now();
  const absl::Status status = CheckStateNow(now);
  if (!status.ok()) return status;
  absl::StatusOr<OpenedBatch> opened = opener_->Open(batch, now);
  if (!opened.ok()) return opened.status();
  NoteContact(*opened, now);
  const uint64_t epoch = opened->epoch, last = opened->last_sequence;
  const size_t bytes = opened->bytes;
  {
    const std::lock_guard lock(mutex_);
    // After the end nobody would be told that it was stored.
    if (failed_ || ended_ || end_) return absl::OkStatus();
    in_flight_bytes_ += bytes;
  }
  const bool taken = world_.intake.Store(
      *std::move(opened), [self = shared_from_this(), epoch, last,
                           bytes](const absl::Status& stored) {
        self->OnStored(epoch, last, bytes, stored);
      });
  if (!taken) return absl::UnavailableError("collector: shutting down");
  ReadUnlessPaused();
  return absl::OkStatus();
}

absl::Status UplinkStream::CheckStateNow(absl::Time now) {
  if (absl::AbsDuration(now - state_checked_) < kStateCheck) {
    return absl::OkStatus();
  }
  state_checked_ = now;
  const absl::StatusOr<Device> device = world_.devices.Get(device_name_);
  if (!device.ok()) return device.status();
  // It calls again at once, and is told then.
  if (AssignedNow(*device) != assigned_) Drain();
  return CheckState(*device);
}

std::vector<std::string> UplinkStream::AssignedNow(const Device& device) const {
  return world_.owners.Of(device.school)->AliasesFor(device);
}

void UplinkStream::NoteContact(const OpenedBatch& batch, absl::Time now) {
  DeviceContact contact;
  for (const StoredEvent& event : batch.events) {
    if (!event.event.has_heartbeat()) continue;
    contact.heartbeat = event.event.heartbeat();
    contact.heartbeat_time = event.happened;
  }
  if (contact.heartbeat) {
    const std::lock_guard lock(mutex_);
    device_version_ = contact.heartbeat->bundle_version();
    if (!last_offer_.trial() && device_version_ == last_offer_.version()) {
      device_bundle_ = last_offer_.hash();
    }
  }
  if (!contact.heartbeat && now - contact_noted_ < kContactEvery) return;
  contact_noted_ = now;
  contact.id = device_name_;
  contact.last_contact = now;
  world_.intake.Record(std::move(contact), nullptr);
}

void UplinkStream::ReadUnlessPaused() {
  {
    const std::lock_guard lock(mutex_);
    paused_ = in_flight_bytes_ > 0 &&
              (in_flight_bytes_ > 2 * kCreditBytes || world_.intake.overfull());
    if (paused_) {
      ++world_.intake.counters().pauses;
      return;
    }
  }
  ReadNext();
}

void UplinkStream::OnStored(uint64_t epoch, uint64_t last_sequence,
                            size_t bytes, const absl::Status& status) {
  bool resume = false;
  {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ -= bytes;
    // After a failure nothing later may be acknowledged: acknowledgements are
    // cumulative.
    if (!status.ok()) failed_ = true;
    if (!failed_) {
      uint64_t& durable = acks_[epoch];
      durable = std::max(durable, last_sequence);
    }
    resume = paused_ && !failed_ && in_flight_bytes_ <= 2 * kCreditBytes;
    if (resume) paused_ = false;
  }
  if (!status.ok()) {
    return End(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                            std::string(status.message()), "overloaded"));
  }
  Pump();
  if (resume) ReadNext();
}

void UplinkStream::OfferRules() {
  // Papers are immutable and the same object until somebody publishes.
  const auto papers = world_.rules.PapersFor(school_);
  const absl::Time now = world_.clock.Now();
  {
    const std::lock_guard lock(mutex_);
    if (!greeted_) return;
    std::set<std::shared_ptr<const ShelvedPaper>> seen;
    for (const auto& paper : papers) {
      seen.insert(paper);
      if (papers_seen_.contains(paper) || paper->facts.ends <= now) continue;
      papers_.push_back(paper);
    }
    papers_seen_ = std::move(seen);
    std::optional<v1::BundleOffer> offer =
        world_.rules.OfferFor(device_name_, school_, device_bundle_);
    const bool again = offer && offer->hash() == last_offer_.hash() &&
                       offer->trial() == last_offer_.trial();
    // A device that was ahead in a ring is never sent back: versions grow.
    if (offer && !again && offer->hash() != device_bundle_ &&
        offer->version() >= device_version_) {
      last_offer_ = *offer;
      offer_ = std::move(offer);
    }
  }
  Pump();
}

void UplinkStream::End(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = status;
  }
  Pump();
}

void UplinkStream::Drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  Pump();
}

bool UplinkStream::NextMessageLocked() {
  outgoing_.Clear();
  if (welcome_) {
    outgoing_.mutable_welcome()->Swap(&*welcome_);
    welcome_.reset();
    return true;
  }
  if (!greeted_) return false;
  if (!papers_.empty()) {
    *outgoing_.mutable_paper() = papers_.front()->paper;
    papers_.pop_front();
    return true;
  }
  if (!acks_.empty()) {
    outgoing_.mutable_ack()->set_epoch(acks_.begin()->first);
    outgoing_.mutable_ack()->set_durable_sequence(acks_.begin()->second);
    acks_.erase(acks_.begin());
    return true;
  }
  if (offer_) {
    outgoing_.mutable_bundle_offer()->Swap(&*offer_);
    offer_.reset();
    return true;
  }
  return false;
}

void UplinkStream::Pump() {
  bool finish = false;
  grpc::Status status;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || writing_) return;
    const bool message = !end_ && NextMessageLocked();
    if ((said_all_ || draining_) && !message && in_flight_bytes_ == 0 &&
        !end_) {
      end_ = said_all_ ? grpc::Status::OK : ShuttingDown();
    }
    if (end_) {
      if (starting_) return;
      ended_ = finish = true;
      status = *end_;
    } else if (message) {
      writing_ = true;
    } else {
      return;
    }
  }
  // gRPC may call back before these return: the lock must be free.
  if (finish) {
    Finish(status);
  } else {
    StartWrite(&outgoing_);
  }
}

void UplinkStream::OnWriteDone(bool ok) {
  const std::shared_ptr<UplinkStream> keep = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok && !end_) end_ = grpc::Status::CANCELLED;
  }
  Pump();
}

void UplinkStream::OnCancel() { End(grpc::Status::CANCELLED); }

void UplinkStream::OnDone() {
  --world_.intake.counters().streams;
  world_.open.Remove(device_name_, this);
  const std::shared_ptr<UplinkStream> last = std::move(self_);
}

}  // namespace schoolgate::collector
