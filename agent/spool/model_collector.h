// The collector as the spool needs to know it, for tests: opens batches with
// its own key, drops repeats, remembers everything.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/spool/lane_reader.h"
#include "proto/event.pb.h"
#include "proto/seal/keys.h"
#include "proto/seal/segment.h"

namespace schoolgate::agent {

class ModelCollector {
 public:
  ModelCollector(const seal::BoxKey& key, std::string device,
                 std::string device_key)
      : key_(key),
        device_(std::move(device)),
        device_key_(std::move(device_key)) {}

  // "" or what is wrong with the batch. Commits it; `durable` is the answer.
  std::string Receive(const SpoolBatch& batch, uint64_t* durable = nullptr) {
    const seal::BoxKey* keys[] = {&key_};
    auto opener = seal::SegmentOpener::Open(batch.segment_header, device_,
                                            device_key_, keys);
    if (!opener.ok()) return std::string(opener.status().message());
    if (opener->header().epoch != batch.epoch) return "epoch differs";
    uint64_t& known = durable_[batch.epoch];
    for (size_t i = 0; i < batch.records.size(); ++i) {
      const uint64_t sequence = batch.first_sequence + i;
      auto bytes = opener->OpenRecord(sequence, batch.records[i]);
      if (!bytes.ok()) return std::string(bytes.status().message());
      v1::Event event;
      if (!event.ParseFromString(*bytes)) return "not an event";
      if (event.sequence() != sequence) return "sequence differs inside";
      const auto place = std::make_pair(batch.epoch, sequence);
      if (sequence <= known) {
        ++repeats_;
        auto before = events_.find(place);
        if (before != events_.end() &&
            before->second.SerializeAsString() != event.SerializeAsString()) {
          return "two events with one name";
        }
        continue;
      }
      known = sequence;
      events_[place] = event;
      arrived_.push_back(event);
    }
    if (durable != nullptr) *durable = known;
    return "";
  }

  // By (epoch, sequence); in order of arrival.
  const std::map<std::pair<uint64_t, uint64_t>, v1::Event>& events() const {
    return events_;
  }
  const std::vector<v1::Event>& arrived() const { return arrived_; }
  uint64_t repeats() const { return repeats_; }
  uint64_t durable(uint64_t epoch) const {
    auto found = durable_.find(epoch);
    return found == durable_.end() ? 0 : found->second;
  }

 private:
  const seal::BoxKey& key_;
  const std::string device_;
  const std::string device_key_;
  std::map<uint64_t, uint64_t> durable_;
  std::map<std::pair<uint64_t, uint64_t>, v1::Event> events_;
  std::vector<v1::Event> arrived_;
  uint64_t repeats_ = 0;
};

}  // namespace schoolgate::agent
