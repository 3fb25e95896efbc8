// DNS over TCP: messages with their length in front, split and strung together
// over segments in any order.
#pragma once

#include <array>

#include "agent/observe/partial_pool.h"
#include "agent/observe/teller.h"

namespace schoolgate::agent {

// Not thread-safe.
class TcpDns {
 public:
  // Segments kept for messages that are not complete.
  static constexpr uint32_t kMaxSegments = 4096;
  // Segments kept of a stream without its beginning, until one of them shows
  // where a message starts.
  static constexpr uint32_t kMaxWaiting = 12;
  // Segments kept behind a gap, until it is given up.
  static constexpr uint32_t kMaxBehindGap = 64;
  // Messages too short to be any that are passed over, one after the other, as
  // servers do.
  static constexpr int kMaxShort = 32;

  TcpDns(Teller& teller, PartialPool& partials)
      : teller_(teller), partials_(partials) {}

  // By its server's port, or by what was seen of it.
  static bool IsDns(const Flow& flow);

  // On any port: whether a stream that starts so starts with a query. 0: it
  // does not; more than there is: no use in asking before there is as much;
  // else the query's bytes.
  static size_t BeginsWithQuery(Bytes bytes);

  // `seq` is the sequence number of the segment's first byte.
  void OnSegment(Flow& flow, int side, const Segment& segment, uint32_t seq);

  // Tells the messages that are whole, but none that was told already; returns
  // their bytes.
  size_t TellOnce(Flow& flow, const Segment& segment, Bytes bytes);

  // Takes over what is kept of a side that turned out to speak DNS, of which
  // the first `told` bytes were told.
  void TakeOver(Flow& flow, int side, Partial& partial, const Segment& segment,
                size_t told);

  // Nothing more will come: what stands behind gaps is told.
  void ReadRest(Flow& flow);

 private:
  void ReadNext(Flow& flow, int side, const Segment& segment, uint32_t seq,
                Bytes bytes, bool guessed);
  void SentAgain(Flow& flow, int side, const Segment& segment);
  void TellMessage(const Flow& flow, const Segment& segment, Bytes message,
                   bool again);
  void Join(Flow& flow, int side, Partial& partial, const Segment& segment,
            uint32_t seq);
  void TellKept(Flow& flow, int side, Partial& partial, const Segment& segment,
                uint32_t end, bool broken);
  void LeaveGaps(Flow& flow, int side, Partial& partial,
                 const Segment& segment);
  static bool Insert(Partial& partial, uint32_t seq, Bytes bytes);
  void TellCut(Flow& flow, const Segment& segment, Bytes bytes);
  size_t TellMessages(Flow& flow, const Segment& segment, Bytes bytes,
                      bool* broken, bool again = false);
  bool Keep(Flow& flow, int side, uint32_t origin, uint32_t seq, Bytes bytes,
            bool guessed);

  // Of what was told last, so that it is not told again when it is sent again.
  static constexpr size_t kRemembered = 256;

  Teller& teller_;
  PartialPool& partials_;
  std::array<uint64_t, kRemembered> told_{};
  size_t next_told_ = 0;
};

}  // namespace schoolgate::agent
