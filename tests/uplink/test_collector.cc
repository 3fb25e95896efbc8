#include "tests/uplink/test_collector.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/time/clock.h"
#include "platform/check.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/hash.h"

namespace schoolgate::tests {
namespace {

constexpr char kDevice[] = "D-4KQ7X2M9";
constexpr char kToken[] = "good token";
constexpr std::chrono::seconds kGenerous{60};

grpc::Status Refusal(const std::string& word) {
  return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "refused", word);
}

}  // namespace

TestCollector::TestCollector(const std::string& folder,
                             absl::Time certificates_from) {
  auto authority =
      collector::Authority::Create(folder, "Test authority", certificates_from);
  SG_CHECK(authority.ok());
  authority_ = *std::move(authority);
  MakeServerCertificate(certificates_from);
}

void TestCollector::MakeServerCertificate(absl::Time from) {
  auto certificate =
      authority_->MakeServer({std::string(seal::kCollectorServerName)}, from,
                             collector::Authority::kServerLifetime);
  SG_CHECK(certificate.ok());
  certificate_ = *std::move(certificate);
}

void TestCollector::BeginRotation(const std::string& folder) {
  std::filesystem::create_directories(folder);
  auto next =
      collector::Authority::Create(folder, "Next authority", absl::Now());
  SG_CHECK(next.ok());
  old_authority_ = std::exchange(authority_, *std::move(next));
}

void TestCollector::EndRotation() {
  old_authority_.reset();
  MakeServerCertificate(absl::Now() - absl::Minutes(1));
}

TestCollector::~TestCollector() { Stop(); }

void TestCollector::Start() {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = authority_pem();
  options.pem_key_cert_pairs.push_back(
      {certificate_.key_pem, certificate_.certificate_pem + authority_pem()});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                           grpc::SslServerCredentials(options), &port_);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  SG_CHECK(server_ != nullptr);
}

void TestCollector::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

std::string TestCollector::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

void TestCollector::OfferBundle(const std::string& bytes, uint64_t version) {
  seal::Hasher hasher;
  hasher.Add(bytes);
  const std::lock_guard lock(mutex_);
  bundle_ = bytes;
  offer_.set_version(version);
  offer_.set_hash(hasher.Finish());
  offer_.set_size_bytes(bytes.size());
}

void TestCollector::Changed() { changed_.notify_all(); }

bool TestCollector::WaitFor(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kGenerous;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20));
  }
  return true;
}

size_t TestCollector::events() const {
  const std::lock_guard lock(mutex_);
  return model_ == nullptr ? 0 : model_->events().size();
}

uint64_t TestCollector::repeats() const {
  const std::lock_guard lock(mutex_);
  return model_ == nullptr ? 0 : model_->repeats();
}

std::string TestCollector::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

v1::Hello TestCollector::last_hello() const {
  const std::lock_guard lock(mutex_);
  return hello_;
}

std::vector<uint64_t> TestCollector::fetch_offsets() const {
  const std::lock_guard lock(mutex_);
  return fetch_offsets_;
}

grpc::Status TestCollector::Certify(const std::string& csr,
                                    v1::EnrolResponse* response) {
  auto certificate = authority_->SignClient(
      csr, kDevice, absl::Now(),
      renewals_ > 0 ? collector::Authority::kDeviceLifetime
                    : first_lifetime_.load());
  if (!certificate.ok()) return Refusal("bad_request");
  response->set_device(kDevice);
  response->set_certificate_pem(certificate->certificate_pem);
  response->set_authority_pem(authority_pem());
  response->set_sealing_key(sealing_key_.public_key());
  response->set_school("oakfield");
  response->set_group("staff");
  response->set_pseudonym_key(std::string(32, 'k'));
  response->set_safeguarding_key(school_key_.public_key());
  response->set_police_key(school_key_.public_key());
  response->set_rules_root(rules_root());
  response->set_server_time_unix_us(absl::ToUnixMicros(absl::Now()));
  return grpc::Status::OK;
}

grpc::Status TestCollector::Enrol(grpc::ServerContext*,
                                  const v1::EnrolRequest* request,
                                  v1::EnrolResponse* response) {
  if (request->token() != kToken) return Refusal("token_unknown");
  if (!seal::VerifyEnrol(*request)) return Refusal("bad_signature");
  ++enrolments_;
  {
    const std::lock_guard lock(mutex_);
    if (device_key_ != request->signing_key()) {
      device_key_ = request->signing_key();
      model_ = std::make_unique<agent::ModelCollector>(sealing_key_, kDevice,
                                                       device_key_);
    }
  }
  Changed();
  return Certify(request->csr_pem(), response);
}

grpc::Status TestCollector::Renew(grpc::ServerContext*,
                                  const v1::RenewRequest* request,
                                  v1::EnrolResponse* response) {
  {
    const std::lock_guard lock(mutex_);
    if (!seal::VerifyRenew(*request, device_key_)) {
      return Refusal("bad_signature");
    }
  }
  const absl::Time now = absl::Now();
  if (absl::AbsDuration(absl::FromUnixMicros(request->time_unix_us()) - now) >
      absl::Hours(24)) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                        "renewal: the device's clock is wrong: here it is " +
                            absl::FormatTime(now, absl::UTCTimeZone()),
                        "clock_wrong");
  }
  ++renewals_;
  Changed();
  return Certify(request->csr_pem(), response);
}

bool TestCollector::Take(const v1::Batch& words, uint64_t* durable) {
  agent::SpoolBatch batch;
  batch.epoch = words.epoch();
  batch.segment_header = words.segment_header();
  batch.first_sequence = words.first_sequence();
  batch.records.assign(words.records().begin(), words.records().end());
  const std::lock_guard lock(mutex_);
  const std::string wrong = model_->Receive(batch, durable);
  if (!wrong.empty() && fault_.empty()) fault_ = wrong;
  return wrong.empty();
}

grpc::Status TestCollector::Connect(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::ToDevice, v1::FromDevice>* stream) {
  ++streams_;
  if (conduct_ == Conduct::kRefuseBanned) return Refusal("banned");
  v1::FromDevice message;
  if (!stream->Read(&message) || !message.has_hello()) return Refusal("");
  v1::ToDevice answer;
  {
    const std::lock_guard lock(mutex_);
    if (context->auth_context()->GetPeerIdentity().empty() ||
        model_ == nullptr) {
      return Refusal("no_certificate");
    }
    hello_ = message.hello();
    v1::Welcome* welcome = answer.mutable_welcome();
    welcome->set_durable_sequence(model_->durable(hello_.epoch()));
    welcome->set_credit_bytes(1 << 20);
    welcome->set_server_time_unix_us(absl::ToUnixMicros(absl::Now()));
    welcome->set_contact_nonce("nonce " + std::to_string(streams_));
    seal::Hasher trusted;
    trusted.Add(authority_pem());
    welcome->set_renew(hello_.authority_hash() != trusted.Finish());
  }
  stream->Write(answer);
  if (offer_.version() > 0) {
    v1::ToDevice offer;
    *offer.mutable_bundle_offer() = offer_;
    stream->Write(offer);
  }
  Changed();
  if (conduct_ == Conduct::kBlackHole) {
    WaitFor([&] { return context->IsCancelled(); });
    return grpc::Status::OK;
  }
  while (stream->Read(&message)) {
    uint64_t durable = 0;
    if (!Take(message.batch(), &durable)) return Refusal("");
    Changed();
    if (conduct_ == Conduct::kDieBeforeAck) {
      context->TryCancel();
      return grpc::Status::OK;
    }
    answer.mutable_ack()->set_epoch(message.batch().epoch());
    answer.mutable_ack()->set_durable_sequence(durable);
    stream->Write(answer);
  }
  return grpc::Status::OK;
}

grpc::Status TestCollector::FetchBundle(
    grpc::ServerContext*, const v1::FetchBundleRequest* request,
    grpc::ServerWriter<v1::BundleChunk>* writer) {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    fetch_offsets_.push_back(request->offset());
    bytes = bundle_.substr(std::min<size_t>(request->offset(), bundle_.size()));
  }
  const size_t cut = cut_fetch_after_.exchange(0);
  for (size_t at = 0; at < bytes.size(); at += 10'000) {
    if (cut > 0 && at >= cut) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
    }
    v1::BundleChunk chunk;
    chunk.set_data(bytes.substr(at, 10'000));
    if (!writer->Write(chunk)) break;
  }
  return grpc::Status::OK;
}

}  // namespace schoolgate::tests
