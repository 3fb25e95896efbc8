// The Uplink service: enrolment, the devices' streams, bundles out.
#pragma once

#include "collector/fleet/enrolment.h"
#include "collector/ingest/uplink_stream.h"

namespace schoolgate::collector {

// Thread-safe; borrows all for life.
class UplinkService : public v1::Uplink::CallbackService {
 public:
  static constexpr size_t kChunkBytes = 64 * 1024;

  UplinkService(Enrolment& enrolment, StreamWorld& world)
      : enrolment_(enrolment), world_(world) {}

  grpc::ServerUnaryReactor* Enrol(grpc::CallbackServerContext* context,
                                  const v1::EnrolRequest* request,
                                  v1::EnrolResponse* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request,
                                  v1::EnrolResponse* response) override;
  grpc::ServerUnaryReactor* Decommission(
      grpc::CallbackServerContext* context,
      const v1::DecommissionRequest* request,
      v1::DecommissionReceipt* receipt) override;
  grpc::ServerBidiReactor<v1::FromDevice, v1::ToDevice>* Connect(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::BundleChunk>* FetchBundle(
      grpc::CallbackServerContext* context,
      const v1::FetchBundleRequest* request) override;

 private:
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                   absl::StatusOr<v1::EnrolResponse> answer,
                                   v1::EnrolResponse* response) const;

  Enrolment& enrolment_;
  StreamWorld& world_;
};

}  // namespace schoolgate::collector
