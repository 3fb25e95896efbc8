// A device as the collector sees it: real keys, real TLS, real sealed
// batches. For the load generator and the tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/event.pb.h"
#include "proto/seal/keys.h"
#include "proto/uplink.grpc.pb.h"

namespace schoolgate::collector {

// Where a simulated device reports to and how it may join.
struct SimulatedHome {
  std::string collector;  // host:port
  std::string authority_pem;
  std::string token;
};

// What enrolment left on the device.
struct SimulatedIdentity {
  seal::SigningKey signing_key = seal::SigningKey::Generate();
  std::string key_pem;
  v1::EnrolResponse enrolled;
};

// A status that the collector refused with carries its word (refusal.h).
absl::StatusOr<SimulatedIdentity> EnrolSimulated(const SimulatedHome& home,
                                                 const std::string& hostname);
// By the signing key alone; replaces key and certificate.
absl::Status RenewSimulated(const SimulatedHome& home, absl::Time now,
                            SimulatedIdentity* identity);

// identity null: without a client certificate.
std::shared_ptr<grpc::Channel> OpenSimulatedChannel(
    const SimulatedHome& home, const SimulatedIdentity* identity);

// Events as they lie in a spool, ready to be sent.
struct SealedBatch {
  v1::FromDevice message;
  uint64_t last_sequence = 0;
  size_t bytes = 0;
};

// Seals events (their sequences must be set, growing) into batches of
// `batch_events`, all of one segment.
absl::StatusOr<std::vector<SealedBatch>> SealBatches(
    const SimulatedIdentity& identity, uint64_t epoch,
    const std::vector<v1::Event>& events, size_t batch_events);

// One stream. Sends all batches above what the collector says it has, within
// its credit, until all are acknowledged or the stream ends.
class SimulatedLink
    : public grpc::ClientBidiReactor<v1::FromDevice, v1::ToDevice> {
 public:
  struct Options {
    uint64_t epoch = 1;
    std::string contact_nonce;
    uint64_t bundle_version = 0;
    absl::Time now;  // of the device's clock, for Hello
    // Stays connected when all is acknowledged, until HangUp.
    bool linger = false;
    // Sends only as many batches as Allow has said.
    bool paced = false;
    // Called with the time from sending a batch to its acknowledgement; on a
    // gRPC thread.
    std::function<void(absl::Duration)> acknowledged;
  };

  // Borrows the batches until the link is destroyed, which waits for its end.
  SimulatedLink(std::shared_ptr<grpc::Channel> channel,
                const std::vector<SealedBatch>& batches, Options options);
  ~SimulatedLink() override;

  // False when it took longer. All: everything acknowledged, or ended.
  bool WaitAll(absl::Duration patience);
  bool WaitEnd(absl::Duration patience);
  bool WaitWelcome(absl::Duration patience);
  bool WaitOffer(absl::Duration patience);

  // Paced links: this many batches, counted from the first, may be sent.
  void Allow(size_t batches);

  void HangUp();  // at once, as a pulled plug

  bool ended() const;
  bool welcomed() const;
  bool all_acknowledged() const;
  // Counted from the first of all, those of earlier links too.
  size_t acknowledged_batches() const;

  // After the end.
  grpc::Status status() const;
  uint64_t acknowledged_sequence() const;  // durable, of this epoch
  std::string next_nonce() const;
  // Whose log-ins belong on it, as the welcome said.
  std::vector<std::string> assigned() const;
  v1::BundleOffer offer() const;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Take(const v1::ToDevice& message);
  void Pump();
  bool AllAcknowledgedLocked() const {
    return welcomed_ && acknowledged_ >= LastSequence();
  }
  uint64_t LastSequence() const {
    return batches_.empty() ? 0 : batches_.back().last_sequence;
  }
  bool Wait(absl::Duration patience, const std::function<bool()>& until);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Uplink::Stub> stub_;
  const std::vector<SealedBatch>& batches_;
  const Options options_;
  grpc::ClientContext context_;
  v1::FromDevice hello_;
  v1::ToDevice incoming_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = true;  // the Hello
  bool welcomed_ = false;
  std::vector<std::string> assigned_;
  bool done_writing_ = false;
  bool ended_ = false;
  size_t next_ = 0;            // the batch to be sent
  size_t allowed_ = SIZE_MAX;  // below this they may be
  size_t oldest_ = 0;          // the first that is not acknowledged
  size_t in_flight_ = 0;       // bytes
  size_t credit_ = 0;
  uint64_t acknowledged_ = 0;
  std::vector<absl::Time> sent_at_;
  std::string nonce_;
  v1::BundleOffer offer_;
  grpc::Status status_;
};

}  // namespace schoolgate::collector
