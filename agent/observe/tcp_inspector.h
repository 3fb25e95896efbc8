// Finds names in TCP streams without reassembling them: only the bytes of a
// message that has begun, or that waits for its beginning, are kept.
#pragma once

#include "agent/observe/partial_pool.h"
#include "agent/observe/tcp_dns.h"
#include "agent/observe/teller.h"

namespace schoolgate::agent {

// Not thread-safe.
class TcpInspector {
 public:
  // Segments kept while waiting for a message's first byte, the one that
  // brings it included.
  static constexpr uint32_t kMaxWaiting = 12;
  // Segments of one message.
  static constexpr uint32_t kMaxSegments = 4096;
  // Out-of-order segments are only kept so near the start of a stream.
  static constexpr uint32_t kYoungBytes = 65536;

  TcpInspector(Teller& teller, PartialPool& partials)
      : teller_(teller), partials_(partials), dns_(teller, partials) {}

  // `side` of the flow sent this segment.
  void OnSegment(Flow& flow, int side, const Segment& segment);

 private:
  enum class Kind { kNothing, kTold, kHelloBegun, kOtherBegun };

  void Hunt(Flow& flow, int side, const Segment& segment, uint32_t seq,
            Bytes bytes);
  void TellCutHello(Flow& flow, int side, Bytes bytes);
  void Join(Flow& flow, int side, Partial& partial, uint32_t seq, Bytes bytes);
  void Begin(Partial& partial, size_t start) const;
  static void Wait(Partial& partial);
  void TryPartial(Flow& flow, int side, Partial& partial, size_t latest);
  void Finish(Flow& flow, int side, const Partial& partial, size_t end);
  void Keep(Flow& flow, int side, uint32_t origin, uint32_t seq, Bytes bytes,
            Kind kind);
  Kind Look(Flow& flow, int side, Bytes bytes);
  Kind LookForHello(Flow& flow, int side, Bytes bytes);
  Kind LookForHttp(Flow& flow, int side, Bytes bytes);

  Teller& teller_;
  PartialPool& partials_;
  TcpDns dns_;
  std::vector<uint8_t> scratch_;
  size_t need_ = 0;  // of the last Look that found a beginning
  bool certain_ = false;
};

}  // namespace schoolgate::agent
