#include "collector/cli/simulated_device.h"

#include "absl/strings/str_cat.h"
#include "collector/fleet/authority.h"
#include "collector/fleet/refusal.h"
#include "platform/clock.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/segment.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(60);

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return Refuse(static_cast<absl::StatusCode>(status.error_code()),
                status.error_details(), status.error_message());
}

absl::Time Now() { return platform::SystemClock().Now(); }

}  // namespace

std::shared_ptr<grpc::Channel> OpenSimulatedChannel(
    const SimulatedHome& home, const SimulatedIdentity* identity) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = home.authority_pem;
  if (identity != nullptr) {
    tls.pem_private_key = identity->key_pem;
    tls.pem_cert_chain = identity->enrolled.certificate_pem();
  }
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(std::string(seal::kCollectorServerName));
  // Each device its own connection, as in life.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(home.collector, grpc::SslCredentials(tls),
                                   arguments);
}

absl::StatusOr<SimulatedIdentity> EnrolSimulated(const SimulatedHome& home,
                                                 const std::string& hostname) {
  SimulatedIdentity identity;
  absl::StatusOr<CertificateRequest> made = MakeCertificateRequest();
  if (!made.ok()) return made.status();
  identity.key_pem = made->key_pem;
  v1::EnrolRequest request;
  request.set_token(home.token);
  request.set_csr_pem(made->csr_pem);
  request.set_hostname(hostname);
  request.set_hardware_id(hostname);
  request.set_agent_version("simulated");
  seal::SignEnrol(identity.signing_key, &request);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(Now() + kCallDeadline));
  const auto stub = v1::Uplink::NewStub(OpenSimulatedChannel(home, nullptr));
  const absl::Status status =
      FromGrpc(stub->Enrol(&context, request, &identity.enrolled));
  if (!status.ok()) return status;
  return identity;
}

absl::Status RenewSimulated(const SimulatedHome& home, absl::Time now,
                            SimulatedIdentity* identity) {
  absl::StatusOr<CertificateRequest> made = MakeCertificateRequest();
  if (!made.ok()) return made.status();
  v1::RenewRequest request;
  request.set_device(identity->enrolled.device());
  request.set_csr_pem(made->csr_pem);
  request.set_time_unix_us(absl::ToUnixMicros(now));
  request.set_nonce(seal::RandomBytes(16));
  seal::SignRenew(identity->signing_key, &request);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(Now() + kCallDeadline));
  const auto stub = v1::Uplink::NewStub(OpenSimulatedChannel(home, nullptr));
  v1::EnrolResponse renewed;
  const absl::Status status =
      FromGrpc(stub->Renew(&context, request, &renewed));
  if (!status.ok()) return status;
  identity->key_pem = made->key_pem;
  identity->enrolled = renewed;
  return status;
}

absl::StatusOr<std::vector<SealedBatch>> SealBatches(
    const SimulatedIdentity& identity, uint64_t epoch,
    const std::vector<v1::Event>& events, size_t batch_events) {
  std::vector<SealedBatch> batches;
  if (events.empty()) return batches;
  seal::SegmentHeader header;
  header.device = identity.enrolled.device();
  header.epoch = epoch;
  header.first_sequence = events.front().sequence();
  const absl::StatusOr<seal::SegmentSealer> sealer = seal::SegmentSealer::Make(
      header, identity.enrolled.sealing_key(), identity.signing_key);
  if (!sealer.ok()) return sealer.status();
  for (const v1::Event& event : events) {
    if (batches.empty() ||
        static_cast<size_t>(batches.back().message.batch().records_size()) >=
            batch_events) {
      v1::Batch* batch = batches.emplace_back().message.mutable_batch();
      batch->set_epoch(epoch);
      batch->set_segment_header(sealer->header());
      batch->set_first_sequence(event.sequence());
    }
    absl::StatusOr<std::string> record =
        sealer->Seal(event.sequence(), event.SerializeAsString());
    if (!record.ok()) return record.status();
    batches.back().last_sequence = event.sequence();
    batches.back().bytes += record->size();
    batches.back().message.mutable_batch()->add_records(*std::move(record));
  }
  return batches;
}

SimulatedLink::SimulatedLink(std::shared_ptr<grpc::Channel> channel,
                             const std::vector<SealedBatch>& batches,
                             Options options)
    : channel_(std::move(channel)),
      stub_(v1::Uplink::NewStub(channel_)),
      batches_(batches),
      options_(std::move(options)),
      sent_at_(batches.size()) {
  if (options_.paced) allowed_ = 0;
  v1::Hello* hello = hello_.mutable_hello();
  hello->set_epoch(options_.epoch);
  hello->set_last_sequence(LastSequence());
  hello->set_bundle_version(options_.bundle_version);
  hello->set_agent_version("simulated");
  hello->set_contact_nonce(options_.contact_nonce);
  hello->set_time_unix_us(absl::ToUnixMicros(options_.now));
  stub_->async()->Connect(&context_, this);
  StartRead(&incoming_);
  StartWrite(&hello_);
  StartCall();
}

SimulatedLink::~SimulatedLink() {
  HangUp();
  WaitEnd(absl::InfiniteDuration());
}

void SimulatedLink::Allow(size_t batches) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    allowed_ = batches;
  }
  Pump();
}

void SimulatedLink::HangUp() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
  }
  context_.TryCancel();
}

void SimulatedLink::OnReadDone(bool ok) {
  if (!ok) return;
  Take(incoming_);
  changed_.notify_all();
  Pump();
  StartRead(&incoming_);
}

void SimulatedLink::Take(const v1::ToDevice& message) {
  const std::lock_guard lock(mutex_);
  if (message.has_welcome()) {
    welcomed_ = true;
    assigned_.assign(message.welcome().assigned().begin(),
                     message.welcome().assigned().end());
    credit_ = message.welcome().credit_bytes();
    nonce_ = message.welcome().contact_nonce();
    acknowledged_ = message.welcome().durable_sequence();
    while (next_ < batches_.size() &&
           batches_[next_].last_sequence <= acknowledged_) {
      ++next_;
    }
    oldest_ = next_;
  } else if (message.has_ack()) {
    if (message.ack().epoch() != options_.epoch) return;
    acknowledged_ = std::max(acknowledged_, message.ack().durable_sequence());
    const absl::Time now = Now();
    while (oldest_ < next_ &&
           batches_[oldest_].last_sequence <= acknowledged_) {
      in_flight_ -= batches_[oldest_].bytes;
      if (options_.acknowledged) options_.acknowledged(now - sent_at_[oldest_]);
      ++oldest_;
    }
  } else if (message.has_bundle_offer()) {
    offer_ = message.bundle_offer();
  }
}

void SimulatedLink::Pump() {
  const v1::FromDevice* send = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (writing_ || done_writing_ || !welcomed_ || ended_) return;
    if (next_ < batches_.size()) {
      if (next_ >= allowed_) return;
      if (in_flight_ > 0 && in_flight_ + batches_[next_].bytes > credit_) {
        return;
      }
      in_flight_ += batches_[next_].bytes;
      sent_at_[next_] = Now();
      send = &batches_[next_++].message;
      writing_ = true;
    } else if (AllAcknowledgedLocked() && !options_.linger) {
      done_writing_ = true;
    } else {
      return;
    }
  }
  if (send != nullptr) {
    StartWrite(send);
  } else {
    StartWritesDone();
  }
}

void SimulatedLink::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = !ok;  // a broken stream writes no more
  }
  if (ok) Pump();
}

void SimulatedLink::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
  ended_ = true;
  changed_.notify_all();
}

bool SimulatedLink::Wait(absl::Duration patience,
                         const std::function<bool()>& until) {
  std::unique_lock lock(mutex_);
  if (patience == absl::InfiniteDuration()) {
    changed_.wait(lock, until);
    return true;
  }
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(patience), until);
}

bool SimulatedLink::WaitAll(absl::Duration patience) {
  return Wait(patience, [this] { return ended_ || AllAcknowledgedLocked(); }) &&
         acknowledged_sequence() >= LastSequence();
}

bool SimulatedLink::WaitEnd(absl::Duration patience) {
  return Wait(patience, [this] { return ended_; });
}

bool SimulatedLink::WaitWelcome(absl::Duration patience) {
  return Wait(patience, [this] { return ended_ || welcomed_; }) &&
         !next_nonce().empty();
}

bool SimulatedLink::WaitOffer(absl::Duration patience) {
  return Wait(patience, [this] { return ended_ || offer_.version() > 0; }) &&
         offer().version() > 0;
}

bool SimulatedLink::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool SimulatedLink::welcomed() const {
  const std::lock_guard lock(mutex_);
  return welcomed_;
}

bool SimulatedLink::all_acknowledged() const {
  const std::lock_guard lock(mutex_);
  return AllAcknowledgedLocked();
}

size_t SimulatedLink::acknowledged_batches() const {
  const std::lock_guard lock(mutex_);
  return oldest_;
}

grpc::Status SimulatedLink::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

uint64_t SimulatedLink::acknowledged_sequence() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

std::string SimulatedLink::next_nonce() const {
  const std::lock_guard lock(mutex_);
  return nonce_;
}

std::vector<std::string> SimulatedLink::assigned() const {
  const std::lock_guard lock(mutex_);
  return assigned_;
}

v1::BundleOffer SimulatedLink::offer() const {
  const std::lock_guard lock(mutex_);
  return offer_;
}

}  // namespace schoolgate::collector
