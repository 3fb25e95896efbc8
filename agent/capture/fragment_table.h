// IP datagrams whose fragments have not all arrived yet.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "agent/capture/byte_assembler.h"
#include "agent/capture/segment.h"

namespace schoolgate::agent {

struct Fragment {
  Address src{};
  Address dst{};
  uint32_t id = 0;
  uint8_t protocol = 0;
  uint32_t offset = 0;
  bool more = false;
  Bytes bytes;
  // IPv6: only what the first fragment says of the protocol counts, and it is
  // no mark of the datagram (RFC 8200, 4.5).
  bool first_says = false;
};

// Not thread-safe. At most kMaxDatagrams are kept, each for kPatienceUs; the
// oldest goes first, counted.
class FragmentTable {
 public:
  static constexpr size_t kMaxDatagrams = 128;
  static constexpr size_t kMaxDatagramBytes = 65535;
  static constexpr int64_t kPatienceUs = 30'000'000;

  // The whole payload when this fragment completes it, else empty. Valid until
  // the next but one datagram is complete (fragments may nest once).
  Bytes Add(const Fragment& fragment, int64_t time_us);

  // Of what Add gave last.
  uint8_t protocol() const { return done_protocol_; }

  // Nothing more of its datagram will come.
  void GiveUp(const Fragment& fragment);

  // Datagrams that were given up, by age, space or impossible offsets.
  uint64_t lost() const { return lost_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Datagram {
    Address src{};
    Address dst{};
    uint32_t id = 0;
    uint8_t protocol = 0;
    bool first_says = false;
    int64_t first_us = 0;
    size_t total = 0;  // 0 until the last fragment came
    ByteAssembler bytes{kMaxDatagramBytes};
  };

  using Waiting = std::list<Datagram>;

  static bool IsOf(const Datagram& datagram, const Fragment& fragment);
  Waiting::iterator Find(const Fragment& fragment, int64_t time_us);

  Waiting waiting_;  // oldest first
  std::array<std::vector<uint8_t>, 2> done_;
  uint8_t done_protocol_ = 0;
  size_t turn_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace schoolgate::agent
