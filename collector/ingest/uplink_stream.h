// One device's connection: Hello, batches in, acknowledgements out.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/rules_out.h"
#include "collector/ingest/batch_opener.h"
#include "collector/ingest/intake.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_owners.h"
#include "collector/store/device_store.h"
#include "proto/uplink.grpc.pb.h"

namespace schoolgate::collector {

class UplinkStream;

// The streams that are open, one a device. Thread-safe.
class OpenStreams {
 public:
  // A device that connects again has lost its earlier stream: that one ends.
  void Add(const std::string& device, std::shared_ptr<UplinkStream> stream);
  void Remove(const std::string& device, const UplinkStream* stream);
  std::vector<std::shared_ptr<UplinkStream>> All() const;

  // Ends every stream once what it has sent is acknowledged, and those that
  // come later. False when some are still there after `patience`.
  bool Drain(absl::Duration patience);

 private:
  mutable std::mutex mutex_;
  std::condition_variable fewer_;
  bool draining_ = false;
  std::map<std::string, std::weak_ptr<UplinkStream>> streams_;
};

// What a stream uses; borrowed for its life.
struct StreamWorld {
  Intake& intake;
  EventStore& events;
  DeviceStore& devices;
  AuditLog& audit;
  const BundleShelf& bundles;
  const RulesOut& rules;
  OpenStreams& open;
  const platform::Clock& clock;
  std::span<const seal::BoxKey* const> keys;
  std::string contact_secret;
  // BLAKE2b-256 of the authorities that devices are to trust.
  std::string authority_hash;
  DeviceOwners& owners;
};

// gRPC calls the On functions; everything else may be called by any thread
// and outlives the call: it then does nothing.
class UplinkStream
    : public grpc::ServerBidiReactor<v1::FromDevice, v1::ToDevice>,
      public std::enable_shared_from_this<UplinkStream> {
 public:
  // May be in flight without an acknowledgement.
  static constexpr uint32_t kCreditBytes = 4u << 20;
  // How long a ban may take to reach a stream that is open.
  static constexpr absl::Duration kStateCheck = absl::Seconds(5);
  static constexpr absl::Duration kContactEvery = absl::Seconds(30);

  // `device_name` as the certificate has it.
  static std::shared_ptr<UplinkStream> Start(StreamWorld& world,
                                             const std::string& device_name);

  // Hands on what the device should have and was not offered on this stream:
  // signed papers, and the bundle that it is its turn for.
  void OfferRules();

  // Ends the stream after what is being written.
  void End(const grpc::Status& status);

  // Reads no more, and ends the stream when all that was read is
  // acknowledged: the device sends nothing twice.
  void Drain();

  const std::string& device_name() const { return device_name_; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  UplinkStream(StreamWorld& world, std::string device_name)
      : world_(world), device_name_(std::move(device_name)) {}

  void ReadNext();
  void ReadUnlessPaused();
  absl::Status OnHello(const v1::Hello& hello);
  absl::Status OnBatch(const v1::Batch& batch);
  absl::Status CheckStateNow(absl::Time now);
  std::vector<std::string> AssignedNow(const Device& device) const;
  void Welcome(uint64_t durable, const std::string& nonce,
               const absl::Status& recorded);
  void OnStored(uint64_t epoch, uint64_t last_sequence, size_t bytes,
                const absl::Status& status);
  void NoteContact(const OpenedBatch& batch, absl::Time now);
  // Starts whatever can be started next: a write, or the end.
  void Pump();
  bool NextMessageLocked();

  StreamWorld& world_;
  const std::string device_name_;
  std::shared_ptr<UplinkStream> self_;  // until OnDone

  // Used by one reading step at a time.
  v1::FromDevice incoming_;
  std::optional<BatchOpener> opener_;
  std::string school_;
  absl::Time state_checked_ = absl::InfinitePast();
  bool renew_ = false;  // the device is to learn of other authorities
  std::vector<std::string> assigned_;  // whose log-ins belong on it
  absl::Time contact_noted_ = absl::InfinitePast();

  std::mutex mutex_;
  v1::ToDevice outgoing_;
  std::optional<v1::Welcome> welcome_;
  std::map<uint64_t, uint64_t> acks_;  // epoch -> durable sequence
  std::optional<v1::BundleOffer> offer_;
  std::string device_bundle_;  // hash of its file
  uint64_t device_version_ = 0;
  v1::BundleOffer last_offer_;
  std::deque<std::shared_ptr<const ShelvedPaper>> papers_;
  std::set<std::shared_ptr<const ShelvedPaper>> papers_seen_;
  bool greeted_ = false;
  uint64_t in_flight_bytes_ = 0;
  bool paused_ = false;    // no read is under way because of back-pressure
  bool starting_ = false;  // a read is being started
  bool writing_ = false;
  bool said_all_ = false;  // the device will send no more
  bool draining_ = false;  // we will read no more
  bool failed_ = false;    // a batch was not stored: nothing later is
  bool ended_ = false;     // Finish was called
  std::optional<grpc::Status> end_;
};

}  // namespace schoolgate::collector
