#include "collector/ingest/uplink_service.h"

#include "absl/strings/str_cat.h"
#include "collector/fleet/journal.h"
#include "collector/fleet/refusal.h"
#include "collector/ingest/peer.h"

namespace schoolgate::collector {
namespace {

// Tells a refused device what time it is here.
constexpr char kTimeKey[] = "schoolgate-time-us";

class RefusedStream
    : public grpc::ServerBidiReactor<v1::FromDevice, v1::ToDevice> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

class RefusedFetch : public grpc::ServerWriteReactor<v1::BundleChunk> {
 public:
  explicit RefusedFetch(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// Sends a bundle from an offset to its end.
class BundleSender : public grpc::ServerWriteReactor<v1::BundleChunk> {
 public:
  BundleSender(const BundleShelf& shelf, const v1::FetchBundleRequest& request)
      : shelf_(shelf), hash_(request.hash()), offset_(request.offset()) {
    SendNext();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    SendNext();
  }
  void OnDone() override { delete this; }

 private:
  void SendNext() {
    absl::StatusOr<std::string> bytes =
        shelf_.Read(hash_, offset_, UplinkService::kChunkBytes);
    if (!bytes.ok()) return Finish(ToGrpc(bytes.status()));
    if (bytes->empty()) return Finish(grpc::Status::OK);
    offset_ += bytes->size();
    chunk_.set_data(*std::move(bytes));
    StartWrite(&chunk_);
  }

  const BundleShelf& shelf_;
  const std::string hash_;
  uint64_t offset_;
  v1::BundleChunk chunk_;
};

absl::Status NoCertificate() {
  return Refuse(absl::StatusCode::kUnauthenticated, "no_certificate",
                "this call needs the device's certificate: enrol first");
}

}  // namespace

grpc::ServerUnaryReactor* UplinkService::Enrol(
    grpc::CallbackServerContext* context, const v1::EnrolRequest* request,
    v1::EnrolResponse* response) {
  return Answer(context, enrolment_.Enrol(*request, world_.clock.Now()),
                response);
}

grpc::ServerUnaryReactor* UplinkService::Renew(
    grpc::CallbackServerContext* context, const v1::RenewRequest* request,
    v1::EnrolResponse* response) {
  return Answer(context, enrolment_.Renew(*request, world_.clock.Now()),
                response);
}

grpc::ServerUnaryReactor* UplinkService::Decommission(
    grpc::CallbackServerContext* context,
    const v1::DecommissionRequest* request, v1::DecommissionReceipt* receipt) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto answer = enrolment_.Decommission(*request, world_.clock.Now());
  if (answer.ok()) *receipt = *std::move(answer);
  Log(answer.ok() ? Level::kNotice : Level::kWarning, "decommission",
      {{"device", request->device()},
       {"why", std::string(answer.status().message())}});
  reactor->Finish(ToGrpc(answer.status()));
  return reactor;
}

grpc::ServerUnaryReactor* UplinkService::Answer(
    grpc::CallbackServerContext* context,
    absl::StatusOr<v1::EnrolResponse> answer,
    v1::EnrolResponse* response) const {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (answer.ok()) {
    Log(Level::kInfo, "device_certified", {{"device", answer->device()}});
    ++world_.intake.counters().enrolled;
    *response = *std::move(answer);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  ++world_.intake.counters().enrolments_refused;
  Log(Level::kWarning, "enrolment_refused",
      {{"why", std::string(answer.status().message())}});
  context->AddTrailingMetadata(
      kTimeKey, absl::StrCat(absl::ToUnixMicros(world_.clock.Now())));
  reactor->Finish(ToGrpc(answer.status()));
  return reactor;
}

grpc::ServerBidiReactor<v1::FromDevice, v1::ToDevice>* UplinkService::Connect(
    grpc::CallbackServerContext* context) {
  const std::string device = PeerName(*context);
  if (device.empty()) return new RefusedStream(ToGrpc(NoCertificate()));
  return UplinkStream::Start(world_, device).get();
}

grpc::ServerWriteReactor<v1::BundleChunk>* UplinkService::FetchBundle(
    grpc::CallbackServerContext* context,
    const v1::FetchBundleRequest* request) {
  absl::Status status = NoCertificate();
  const std::string name = PeerName(*context);
  if (!name.empty()) {
    const absl::StatusOr<Device> device = world_.devices.Get(name);
    status = device.ok() ? CheckState(*device) : device.status();
  }
  if (!status.ok()) return new RefusedFetch(ToGrpc(status));
  return new BundleSender(world_.bundles, *request);
}

}  // namespace schoolgate::collector
