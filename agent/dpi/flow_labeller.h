// nDPI over the first packets of flows: what protocol each of them speaks.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/labels/wire.h"

struct ndpi_detection_module_struct;
struct ndpi_flow_struct;

namespace schoolgate::agent {

// Not thread-safe. Deterministic: the same records give the same answers.
// Bytes are handed to nDPI, which may crash on them: this is why it runs in a
// process of its own.
class FlowLabeller {
 public:
  // Flows looked at or remembered at the same time; the oldest is given up for
  // a new one. About 1 kB each while nDPI is at it.
  static constexpr size_t kMostFlows = 4096;
  // A flow of which nDPI knows nothing by then is given up, counted.
  static constexpr uint16_t kMostPackets = 32;

  // What is told of a flow, once. An empty label: nothing is known of it.
  struct Found {
    uint64_t flow = 0;
    uint64_t frame = 0;  // the packet looked at last, and its time
    int64_t time_us = 0;
    std::string_view label;
    GivenUp given_up = GivenUp::kNo;
  };
  using Tell = std::function<void(const Found&)>;

  // Loads nDPI's protocols: takes some 50 ms and 5 MB. Null when it cannot.
  static std::unique_ptr<FlowLabeller> Make(Tell tell);
  ~FlowLabeller();
  FlowLabeller(const FlowLabeller&) = delete;
  FlowLabeller& operator=(const FlowLabeller&) = delete;

  void OnPacket(const TapRecord& record, std::span<const std::byte> payload);
  void OnEnd(uint64_t flow);
  // Gives up on all flows and forgets them.
  void Finish();

 private:
  struct FreeFlow {
    void operator()(ndpi_flow_struct* flow) const;
  };
  struct FreeModule {
    void operator()(ndpi_detection_module_struct* module) const;
  };
  struct Followed {
    uint64_t id = 0;
    uint64_t frame = 0;  // of the packet looked at last
    int64_t time_us = 0;
    uint16_t packets = 0;
    std::unique_ptr<ndpi_flow_struct, FreeFlow> flow;  // null: was told
  };

  explicit FlowLabeller(Tell tell) : tell_(std::move(tell)) {}

  Followed* Find(const TapRecord& record);
  size_t Compose(const TapRecord& record, std::span<const std::byte> payload);
  void GiveUp(Followed& followed, GivenUp why);
  void Settle(Followed& followed, std::string_view label, GivenUp why);

  Tell tell_;
  std::unique_ptr<ndpi_detection_module_struct, FreeModule> module_;
  std::list<Followed> flows_;  // oldest first
  std::unordered_map<uint64_t, std::list<Followed>::iterator> by_id_;
  std::vector<uint8_t> packet_;
};

}  // namespace schoolgate::agent
