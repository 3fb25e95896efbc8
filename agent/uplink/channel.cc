#include "agent/uplink/channel.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <array>
#include <string_view>
#include <utility>

#include "proto/seal/enrolment.h"

namespace schoolgate::agent {
namespace {

namespace tls = grpc::experimental;

constexpr int kKeepaliveMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 5'000;

class CollectorVerifier : public tls::ExternalCertificateVerifier {
 public:
  CollectorVerifier(ServerTrust trust, std::function<TimeBelief()> believe,
                    std::shared_ptr<HandshakeRecord> record)
      : trust_(std::move(trust)),
        believe_(std::move(believe)),
        record_(std::move(record)) {}
  ~CollectorVerifier() override = default;

  bool Verify(tls::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    const grpc::string_ref leaf = request->peer_cert();
    const std::string pem = chain.empty()
                                ? std::string(leaf.data(), leaf.size())
                                : std::string(chain.data(), chain.size());
    ServerJudgement judgement = JudgeServer(pem, trust_, believe_());
    const bool good = judgement.trust == Trust::kGood ||
                      judgement.trust == Trust::kGoodButClockWrong;
    *sync_status =
        good ? grpc::Status::OK
             : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, judgement.why);
    record_->Put(std::move(judgement));
    return true;
  }

  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  const ServerTrust trust_;
  const std::function<TimeBelief()> believe_;
  const std::shared_ptr<HandshakeRecord> record_;
};

// What a device's owner can do about a refusal that will not go away.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10>
    kAdvice = {{
        {"token_unknown", "check the token in the enrolment file"},
        {"token_expired", "ask for a new token"},
        {"token_used_up", "ask for a token with more uses"},
        {"token_withdrawn", "ask for a new token"},
        {"bad_signature", "restore the device's signing key"},
        {"unknown_device", "enrol anew with `schoolgate-uplink enrol --anew`"},
        {"banned", "ask the IT provider"},
        {"quarantined", "two devices use this identity: ask the IT provider"},
        {"decommissioned", "enrol anew if this device is in use again"},
        {"clock_wrong", "set this device's clock"},
    }};

std::string_view AdviceOn(std::string_view word) {
  for (const auto& [known, advice] : kAdvice) {
    if (known == word) return advice;
  }
  return "";
}

}  // namespace

Channel OpenChannel(const std::string& collector, const ServerTrust& trust,
                    std::function<TimeBelief()> believe,
                    const std::optional<TlsIdentity>& identity) {
  Channel channel;
  channel.handshake = std::make_shared<HandshakeRecord>();
  tls::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);  // our own verifier does it, below
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<CollectorVerifier>(
          trust, std::move(believe), channel.handshake));
  if (identity) {
    options.set_certificate_provider(
        std::make_shared<tls::StaticDataCertificateProvider>(
            std::vector<tls::IdentityKeyCertPair>{
                {identity->key_pem, identity->certificate_pem}}));
    options.watch_identity_key_cert_pairs();
  }
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(std::string(seal::kCollectorServerName));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Each channel has its own connection: a renewed certificate must not ride
  // on the old one's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel.grpc = grpc::CreateCustomChannel(
      collector, tls::TlsCredentials(options), arguments);
  return channel;
}

Failure Explain(const grpc::Status& status, const HandshakeRecord& handshake,
                const std::string& collector) {
  Failure failure;
  failure.word = status.error_details();
  const std::string_view advice = AdviceOn(failure.word);
  if (!advice.empty()) {
    failure.ending = Ending::kRefused;
    failure.sentence = collector + ": " + status.error_message() + " (" +
                       failure.word + "): " + std::string(advice);
    return failure;
  }
  const auto judged = handshake.Get();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && judged &&
      (judged->trust == Trust::kExpired || judged->trust == Trust::kStranger)) {
    failure.sentence = collector + ": " + judged->why;
    return failure;
  }
  if (status.ok()) {
    failure.sentence = collector + ": closed the stream: will try again";
    return failure;
  }
  failure.sentence = collector + ": " + status.error_message() +
                     ": will try again; check the network and the collector";
  return failure;
}

}  // namespace schoolgate::agent
