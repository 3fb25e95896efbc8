// Messages of which only a part has arrived: hellos over several segments or
// datagrams, DNS over TCP. One pool for all flows, with a fixed size.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/capture/byte_assembler.h"
#include "agent/capture/flow_table.h"
#include "agent/observe/quic_initial.h"

namespace schoolgate::agent {

struct Partial {
  uint64_t flow = 0;  // 0: free
  int side = 0;
  ByteAssembler bytes;
  uint32_t origin_seq = 0;  // TCP: sequence number of offset 0
  int32_t start = -1;       // offset where the message starts, < 0: not known
  size_t need = 0;          // no use in parsing before there are so many
  uint32_t inserts = 0;
  size_t charged_bytes = 0;  // the pool's own
  bool certain = false;      // unmistakably a hello, so a failure counts

  QuicKeys keys;  // QUIC only
  uint32_t version = 0;
  uint8_t id_bytes = 0;
  std::array<uint8_t, kMaxConnectionIdBytes> id{};
};

// Not thread-safe. When all places or bytes are taken, the one that has waited
// longest goes, counted: a real hello is complete within milliseconds.
class PartialPool {
 public:
  explicit PartialPool(uint32_t max_partials, size_t max_bytes);

  // The partial message of a side, or null when it has none or lost it.
  Partial* Find(const Flow& flow, int side);

  // A fresh one for a side that has none.
  Partial* Make(Flow& flow, int side);

  void Release(Flow& flow, int side);

  // Call after a partial has grown. May drop others, never this one.
  void Charge(Partial& grown);

  uint64_t evicted() const { return evicted_; }
  uint32_t live() const { return live_; }
  size_t held_bytes() const { return held_bytes_; }

 private:
  void Free(uint32_t index);
  void EvictOne(const Partial* keep);

  size_t max_bytes_;
  uint32_t max_partials_;
  std::vector<std::unique_ptr<Partial>> partials_;
  std::vector<uint32_t> free_;
  uint32_t hand_ = 0;
  uint32_t live_ = 0;
  size_t held_bytes_ = 0;
  uint64_t evicted_ = 0;
};

}  // namespace schoolgate::agent
