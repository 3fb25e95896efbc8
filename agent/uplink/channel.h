// gRPC channels to the collector, and what its refusals mean.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/uplink/certificate.h"
#include "agent/uplink/identity_folder.h"
#include "agent/uplink/session.h"

namespace schoolgate::agent {

// What the last TLS handshake of a channel showed. Thread-safe.
class HandshakeRecord {
 public:
  void Put(ServerJudgement judgement) {
    const std::lock_guard lock(mutex_);
    judgement_ = std::move(judgement);
  }
  std::optional<ServerJudgement> Get() const {
    const std::lock_guard lock(mutex_);
    return judgement_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<ServerJudgement> judgement_;  // none: no handshake got so far
};

struct Channel {
  std::shared_ptr<grpc::Channel> grpc;
  std::shared_ptr<HandshakeRecord> handshake;
};

// TLS 1.3 with keepalive of 10 s and 5 s, judged by JudgeServer with the time
// that `believe` gives at the handshake (from another thread). `identity`:
// none to enrol and renew. Connects when it is first used.
Channel OpenChannel(const std::string& collector, const ServerTrust& trust,
                    std::function<TimeBelief()> believe,
                    const std::optional<TlsIdentity>& identity);

// A call's end, told in words that a person can act on.
struct Failure {
  Ending ending = Ending::kLost;
  std::string word;      // proto/uplink.proto's word of refusal, if any
  std::string sentence;  // "collector:7443: why: what to do"
};
Failure Explain(const grpc::Status& status, const HandshakeRecord& handshake,
                const std::string& collector);

}  // namespace schoolgate::agent
