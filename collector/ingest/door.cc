#include "collector/ingest/door.h"

#include <grpcpp/security/server_credentials.h>
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveAnswerMs = 10'000;
constexpr int kShortestPingMs = 4'000;
// What is sent to devices is small; gRPC keeps a buffer of this size for each
// connection, 16 KB unless told otherwise.
constexpr int kSentRecordBytes = 2048;
constexpr int kReadChunkBytes = 2048;

void AddLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(Door::kMaxMessageBytes);
  // Two collectors on one port would each get half of the devices.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveAnswerMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kShortestPingMs);
  builder->AddChannelArgument(GRPC_ARG_TSI_MAX_FRAME_SIZE, kSentRecordBytes);
  builder->AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // One call for the stream, one each for a bundle and a renewal.
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 16);
}

// OpenSSL would keep 33 KB of record buffers for every connection. gRPC has no
// setting for it, but OpenSSL tells of each connection that is made
// (CRYPTO_get_ex_new_index(3)): it gives them back while nothing is sent.
void ReleaseBuffers(void* ssl, void* /*data*/, CRYPTO_EX_DATA* /*all*/,
                    int /*index*/, long /*number*/, void* /*pointer*/) {
  SSL_set_mode(static_cast<SSL*>(ssl), SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Open(
    const DoorOptions& options, const std::vector<grpc::Service*>& services) {
  [[maybe_unused]] static const int told =
      SSL_get_ex_new_index(0, nullptr, ReleaseBuffers, nullptr, nullptr);
  grpc::SslServerCredentialsOptions tls(
      GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.authority_pem;
  tls.pem_key_cert_pairs.push_back({options.key_pem, options.certificate_pem});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, grpc::SslServerCredentials(tls),
                           &port);
  AddLimits(&builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        options.address,
        ": cannot listen: the port is in use, not allowed, or not an address "
        "of this machine: choose another with listen in collector.yaml"));
  }
  const size_t colon = options.address.rfind(':');
  return std::unique_ptr<Door>(
      new Door(std::move(server),
               absl::StrCat(options.address.substr(0, colon), ":", port)));
}

void Door::Close(absl::Duration patience) {
  server_->Shutdown(
      absl::ToChronoTime(platform::SystemClock().Now() + patience));
  server_->Wait();
}

Door::~Door() {
  if (server_ != nullptr) Close(absl::ZeroDuration());
}

}  // namespace schoolgate::collector
