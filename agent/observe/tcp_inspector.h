// Finds names in TCP streams without reassembling them: only the bytes of a
// message that has begun, or that wait for what is missing in front of them,
// are kept.
//
// A message begins where a segment begins, or right behind another message or
// what may stand in front of one (StreamReader). Bytes that come in order are
// read as they come. Of others it is read at once what they tell by
// themselves, and again from the front when the gap has been filled, so that
// neither the order nor the cut of the segments matters.
#pragma once

#include "agent/observe/partial_pool.h"
#include "agent/observe/stream_reader.h"
#include "agent/observe/tcp_dns.h"
#include "agent/observe/teller.h"

namespace schoolgate::agent {

// Not thread-safe.
class TcpInspector {
 public:
  // Segments kept while nothing has begun and something is missing in front of
  // them; and segments too far ahead to be kept that are passed over before
  // what is kept is given up.
  static constexpr uint32_t kMaxWaiting = 12;
  // Segments of one message.
  static constexpr uint32_t kMaxSegments = 4096;
  // Out-of-order segments are only kept so near the start of a stream.
  static constexpr uint32_t kYoungBytes = 65536;

  TcpInspector(Teller& teller, PartialPool& partials)
      : teller_(teller),
        partials_(partials),
        dns_(teller, partials),
        reader_(teller) {}

  // `side` of the flow sent this segment.
  void OnSegment(Flow& flow, int side, const Segment& segment);

  // Nothing more will come: what is kept may name somebody though a segment of
  // it was lost.
  void ReadRest(Flow& flow);

 private:
  using Kind = StreamStep::Kind;

  static void NoteBeginning(FlowSide& from, uint32_t seq);
  void ReadHelloToDns(Flow& flow, int side, const Segment& segment);
  void Hunt(Flow& flow, int side, const Segment& segment, uint32_t seq);
  void ReadAlone(Flow& flow, int side, Bytes bytes);
  void KeepEarly(Flow& flow, int side, uint32_t seq, Bytes bytes);
  void ReadNext(Flow& flow, int side, const Segment& segment, uint32_t seq,
                Bytes bytes);
  Kind ReadOn(Flow& flow, int side, const Partial* partial, Bytes bytes,
              Reading* reading);
  Partial* Keep(Flow& flow, int side, uint32_t origin, uint32_t seq,
                Bytes bytes);

  void Join(Flow& flow, int side, Partial& partial, const Segment& segment,
            uint32_t seq);
  bool MakeRoomInFront(Partial& partial, uint32_t seq);
  void Refuse(Flow& flow, int side, Partial& partial, uint32_t offset,
              const Segment& segment);
  void Follow(Partial& partial, const Reading& reading);
  static const Reading* EarlyAt(const Partial* partial, uint32_t at);
  static uint32_t NextEarly(const Partial& partial, uint32_t at, size_t run);
  void BeginEarly(Flow& flow, int side, Partial& partial, uint32_t offset);
  void ReadEarly(Flow& flow, int side, Partial& partial);
  static Reading FrontAt(const Reading& reading, uint32_t passed);
  bool ReadFront(Flow& flow, int side, Partial& partial,
                 const Segment& segment);
  void CountBroken(Flow& flow, int side);
  bool ReadDns(Flow& flow, int side, Partial& partial, const Segment& segment);
  void Consume(Flow& flow, int side, Partial& partial, uint32_t count);
  void GiveUp(Flow& flow, int side, Partial& partial, const Segment& segment);
  static void GoOnAt(FlowSide& from, uint32_t seq, bool passed);

  Teller& teller_;
  PartialPool& partials_;
  TcpDns dns_;
  StreamReader reader_;
};

}  // namespace schoolgate::agent
