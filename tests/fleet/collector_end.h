// The collector of the simulation: the real opening of batches, the real
// store, the real search for copied devices; only gRPC is not there.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "collector/ingest/batch_opener.h"
#include "collector/store/event_store.h"
#include "proto/seal/keys.h"
#include "tests/fleet/timeline.h"
#include "tests/fleet/wire.h"

namespace schoolgate::tests {

// How often things go wrong, one in so many; 0: never.
struct CollectorFaults {
  uint64_t crash = 0;  // a commit finds it dead, before or after it
  uint64_t failed_commit = 0;
};

class CollectorEnd {
 public:
  // The store's files go into `folder`. `base`: wall time at the beginning.
  CollectorEnd(std::string folder, absl::Time base, Timeline& timeline,
               std::mt19937_64& random);

  void AddDevice(const std::string& name, const std::string& signing_key);
  std::string sealing_key() const { return key_.public_key(); }

  void SetFaults(CollectorFaults faults) { faults_ = faults; }
  bool up() const { return store_ != nullptr; }

  // Asked by the wire's other end. `answer` runs at the collector and has to
  // be carried to the device.
  using Answer = std::function<void(v1::ToDevice)>;
  void Receive(const std::shared_ptr<Wire>& wire, const std::string& device,
               const v1::FromDevice& message, const Answer& answer);

  // Everything that is stored, in order of arrival. "" or what was wrong with
  // the store on the way.
  std::string ReadAll(std::vector<collector::StoredEvent>* all);

  // "" or the first thing that must not happen.
  const std::string& wrong() const { return wrong_; }
  uint64_t crashes() const { return crashes_; }
  uint64_t commits() const { return commits_; }

 private:
  struct Stream {
    std::shared_ptr<Wire> wire;
    std::unique_ptr<collector::BatchOpener> opener;
    std::string boot_id;
    Answer answer;
    bool failed = false;
  };
  struct Pending {
    std::shared_ptr<Stream> stream;
    collector::OpenedBatch batch;
  };

  void OnHello(const std::shared_ptr<Wire>& wire, const std::string& device,
               const v1::Hello& hello, const Answer& answer);
  void OnBatch(const std::shared_ptr<Wire>& wire, const v1::Batch& batch);
  void Commit();
  void CheckDates(const Stream& stream,
                  const std::vector<collector::StoredEvent>& events);
  void Crash();
  void Start();
  bool Chance(uint64_t one_in) {
    return one_in != 0 && random_() % one_in == 0;
  }
  absl::Time Now() const { return base_ + timeline_.now(); }

  const std::string folder_;
  const absl::Time base_;
  Timeline& timeline_;
  std::mt19937_64& random_;
  seal::BoxKey key_ = seal::BoxKey::Generate();
  std::vector<const seal::BoxKey*> keys_ = {&key_};
  CollectorFaults faults_;
  // As the device store keeps them: over a crash.
  std::map<std::string, collector::Device> devices_;
  std::unique_ptr<collector::EventStore> store_;  // null: down
  std::map<Wire*, std::shared_ptr<Stream>> streams_;
  std::vector<Pending> pending_;
  bool commit_due_ = false;
  uint64_t crashes_ = 0, commits_ = 0;
  std::string wrong_;
};

}  // namespace schoolgate::tests
