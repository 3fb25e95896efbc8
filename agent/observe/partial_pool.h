// Messages of which only a part has arrived: hellos over several segments or
// datagrams, DNS over TCP. One pool for all flows, with a fixed size.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/capture/byte_assembler.h"
#include "agent/capture/flow_table.h"
#include "agent/observe/quic_initial.h"

namespace schoolgate::agent {

// How far the bytes of a TCP stream were read from the beginning of a segment
// on. Offsets are those of the bytes that are kept.
struct Reading {
  uint32_t begin = 0;
  uint32_t at = 0;       // what lies between begin and this is done with
  uint32_t need = 0;     // at `at` something has begun that needs so many bytes
  bool certain = false;  // it is unmistakably a hello, so a failure counts
  bool in_hello = false;  // what was told last was a hello
  bool told = false;      // something was, and not only passed over
};

struct Partial {
  // Places of a stream that are followed up before what is in front of them
  // has come.
  static constexpr size_t kMaxReadings = 12;

  uint64_t flow = 0;  // 0: free
  int side = 0;
  ByteAssembler bytes;
  uint32_t origin_seq = 0;  // TCP: sequence number of offset 0
  uint32_t inserts = 0;
  size_t charged_bytes = 0;  // the pool's own

  // TCP only.
  bool open = false;        // earlier bytes than offset 0 may come yet
  bool guessed = false;     // DNS: the same, and no message has begun
  bool from_start = false;  // DNS: offset 0 is where the stream began
  uint8_t refused = 0;      // segments too far away to be kept
  uint8_t early_count = 0;
  Reading front;        // from offset 0
  uint32_t passed = 0;  // of an open one: how far its front has been passed
  std::array<Reading, kMaxReadings> early;

  std::span<Reading> early_ones() { return {early.data(), early_count}; }
  std::span<const Reading> early_ones() const {
    return {early.data(), early_count};
  }

  // As fresh, but for what nobody reads before it is set: cheap, for each flow
  // of which a capture has only the middle.
  void Clear();

  // Whether a message has begun, and not only something that may be one.
  bool begun() const {
    return front.need > 0 ||
           std::any_of(early.begin(), early.begin() + early_count,
                       [](const Reading& reading) { return reading.certain; });
  }

  // QUIC only.
  QuicKeys keys;
  uint32_t version = 0;
  bool has_token = false;  // in the first packet
  uint32_t told = 0;       // bytes of hellos that were told, and are kept
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

  // Whether it lost one, since others came. Told once.
  bool HasLost(Flow& flow, int side) {
    if (flow.sides[side].pieces == 0 || Find(flow, side) != nullptr) {
      return false;
    }
    flow.sides[side].pieces = 0;
    return true;
  }

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
