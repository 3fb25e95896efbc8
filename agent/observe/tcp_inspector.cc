#include "agent/observe/tcp_inspector.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

constexpr uint8_t kFirstRecord = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kTlsMajor = 3;

int32_t Ahead(uint32_t seq, uint32_t than) {
  return static_cast<int32_t>(seq - than);
}

// The capture holds less of the segment than the wire did.
bool IsCut(const Segment& segment) {
  return segment.payload.size() < segment.payload_bytes;
}

bool IsYoung(const FlowSide& from) {
  return from.looked_at < TcpInspector::kYoungBytes;
}

}  // namespace

// Of two beginnings before any byte one is a server's, or neither: then the
// bytes alone say where they begin.
void TcpInspector::NoteBeginning(FlowSide& from, uint32_t seq) {
  if (from.segments > 0 && from.knows_seq) return;
  from.contested |= from.knows_seq && from.next_seq != seq;
  from.next_seq = seq;
  from.knows_seq = !from.contested;
}

void TcpInspector::OnSegment(Flow& flow, int side, const Segment& segment) {
  FlowSide& from = flow.sides[side];
  uint32_t seq = segment.tcp_seq;
  if ((segment.tcp_flags & kTcpSyn) != 0) {
    NoteBeginning(from, ++seq);
  }
  if (segment.payload.empty()) return;
  if (from.segments < UINT8_MAX) ++from.segments;
  if (from.looked_at < FlowSide::kMostLookedAt) {
    from.looked_at += static_cast<uint32_t>(segment.payload.size());
  }
  // What a crowd has pushed out can be judged no more.
  if (partials_.HasLost(flow, side)) teller_.Doubt();
  if (TcpDns::IsDns(flow)) {
    dns_.OnSegment(flow, side, segment, seq);
    ReadHelloToDns(flow, side, segment);
  } else if (Partial* partial = partials_.Find(flow, side)) {
    Join(flow, side, *partial, segment, seq);
  } else {
    Hunt(flow, side, segment, seq);
  }
}

void TcpInspector::Hunt(Flow& flow, int side, const Segment& segment,
                        uint32_t seq) {
  FlowSide& from = flow.sides[side];
  Bytes bytes = segment.payload;
  const uint32_t end = seq + segment.payload_bytes;
  if (from.knows_seq) {
    if (Ahead(end, from.next_seq) <= 0) return ReadAlone(flow, side, bytes);
    const int32_t ahead = Ahead(seq, from.next_seq);
    if (ahead < 0) {  // starts with what was seen already
      const auto old = static_cast<size_t>(-int64_t{ahead});
      // Who makes packets by hand may begin on the SYN's own number.
      if (from.segments == 1) ReadAlone(flow, side, bytes);
      bytes = bytes.subspan(std::min(old, bytes.size()));
      seq = from.next_seq;
    }
    const bool early =
        ahead > 0 && ahead < static_cast<int32_t>(kYoungBytes) && IsYoung(from);
    if (early && !IsCut(segment)) return KeepEarly(flow, side, seq, bytes);
    if (bytes.empty()) {  // cut by the capture before what is new
      from.next_seq = end;
      return;
    }
  }
  ReadNext(flow, side, segment, seq, bytes);
}

// On DNS's own port others hide TLS: as DNS a hello is the beginning of a long
// message, and waits for its end.
void TcpInspector::ReadHelloToDns(Flow& flow, int side,
                                  const Segment& segment) {
  Partial* partial = partials_.Find(flow, side);
  const bool waits = partial != nullptr && partial->from_start;
  const Bytes bytes = waits ? partial->bytes.From(0) : segment.payload;
  if (!waits && flow.sides[side].segments > 1) return;
  if (bytes.size() < 2 || bytes[0] < kFirstRecord || bytes[0] > kHandshake ||
      bytes[1] != kTlsMajor) {
    return;
  }
  Reading reading;
  const Kind kind = ReadOn(flow, side, nullptr, bytes, &reading);
  // Who judges packets waits for the rest of it.
  if (waits) partial->front.need = kind == Kind::kBegun ? reading.need : 0;
}

// Tells what a segment tells that is not, or cannot be, put to others.
void TcpInspector::ReadAlone(Flow& flow, int side, Bytes bytes) {
  Reading reading;
  ReadOn(flow, side, nullptr, bytes, &reading);
}

// What is missing in front of it may come yet.
void TcpInspector::KeepEarly(Flow& flow, int side, uint32_t seq, Bytes bytes) {
  const uint32_t origin = flow.sides[side].next_seq;
  Partial* partial = Keep(flow, side, origin, seq, bytes);
  if (partial == nullptr) {
    ++teller_.counters().unkept_segments;
    ReadAlone(flow, side, bytes);
    return;
  }
  BeginEarly(flow, side, *partial, seq - origin);
}

// The bytes that come next, or with a gap in front that nobody waits for.
void TcpInspector::ReadNext(Flow& flow, int side, const Segment& segment,
                            uint32_t seq, Bytes bytes) {
  FlowSide& from = flow.sides[side];
  const bool knew = from.knows_seq;
  Reading reading;
  const Kind kind = ReadOn(flow, side, nullptr, bytes, &reading);
  const bool begun = kind == Kind::kBegun || kind == Kind::kDns;
  // A capture may begin with segments that are out of order, and in the middle
  // of a message something may look like what stands in front of one.
  const bool open = !knew && !reading.told;
  const bool unsure = open && IsYoung(from) && from.segments == 1;
  if ((begun || unsure) && !IsCut(segment)) {
    const uint32_t passed = open ? 0 : reading.at;
    Partial* partial =
        Keep(flow, side, seq + passed, seq + passed, bytes.subspan(passed));
    if (partial != nullptr) {
      partial->open = open;
      if (!open) GoOnAt(from, seq + passed, passed > 0);
      partial->front = FrontAt(reading, passed);
      if (kind == Kind::kDns) ReadDns(flow, side, *partial, segment);
      return;
    }
    ++teller_.counters().oversized;
    if (begun) teller_.Doubt();
  } else if (begun) {
    reader_.ReadCut(flow, side, bytes.subspan(reading.at));
  } else if (knew && reading.at == 0 && Ahead(seq, from.next_seq) > 0) {
    ++teller_.counters().unkept_segments;
  }
  GoOnAt(from,
         segment.tcp_seq + ((segment.tcp_flags & kTcpSyn) != 0) +
             segment.payload_bytes,
         /*passed=*/true);
}

// Reads on from where `reading` stands, from which on `bytes` are known, to
// where nothing more begins or something is not whole. With a partial, what
// was read of it before its front came is not read again.
TcpInspector::Kind TcpInspector::ReadOn(Flow& flow, int side,
                                        const Partial* partial, Bytes bytes,
                                        Reading* reading) {
  const FlowSide& from = flow.sides[side];
  StreamPlace place;
  place.young = IsYoung(from);
  reading->need = 0;
  reading->certain = false;
  while (!bytes.empty()) {
    StreamStep step;
    const Reading* early = EarlyAt(partial, reading->at);
    if (early != nullptr && early->at > early->begin) {
      step.used = early->at - early->begin;
      reading->in_hello = early->in_hello;
      reading->told |= early->told;
    } else {
      place.start = !from.past_start && reading->at == 0 && reading->begin == 0;
      place.after_hello = reading->in_hello;
      step = reader_.Read(flow, side, bytes, place);
      if (step.kind == Kind::kTold) {
        reading->in_hello = bytes[0] < ' ';
        reading->told = true;
      }
    }
    if (step.used == 0) {
      reading->need = static_cast<uint32_t>(step.need);
      reading->certain = step.certain;
      return step.kind;
    }
    const size_t used = std::min(step.used, bytes.size());
    reading->at += static_cast<uint32_t>(used);
    bytes = bytes.subspan(used);
  }
  return Kind::kNothing;
}

Partial* TcpInspector::Keep(Flow& flow, int side, uint32_t origin, uint32_t seq,
                            Bytes bytes) {
  Partial* partial = partials_.Make(flow, side);
  partial->origin_seq = origin;
  partial->inserts = 1;
  if (!partial->bytes.Insert(seq - origin, bytes)) {
    partials_.Release(flow, side);
    return nullptr;
  }
  partials_.Charge(*partial);
  return partial;
}

void TcpInspector::Join(Flow& flow, int side, Partial& partial,
                        const Segment& segment, uint32_t seq) {
  Bytes bytes = segment.payload;
  if (Ahead(seq, partial.origin_seq) < 0 && !MakeRoomInFront(partial, seq)) {
    const size_t old = partial.origin_seq - seq;
    if (old >= bytes.size()) return ReadAlone(flow, side, bytes);
    bytes = bytes.subspan(old);
    seq = partial.origin_seq;
  }
  const uint32_t offset = seq - partial.origin_seq;
  if (!partial.bytes.Insert(offset, bytes)) {
    return Refuse(flow, side, partial, offset, segment);
  }
  ++partial.inserts;
  partials_.Charge(partial);
  if (offset > 0) BeginEarly(flow, side, partial, offset);
  ReadEarly(flow, side, partial);
  if (!ReadFront(flow, side, partial, segment)) return;
  const uint32_t most = partial.begun() ? kMaxSegments : kMaxWaiting;
  if (partial.inserts > most) {
    ++teller_.counters().oversized;
    if (partial.begun()) teller_.Doubt();
    GiveUp(flow, side, partial, segment);
  } else if (IsCut(segment)) {  // the rest of it never comes
    GiveUp(flow, side, partial, segment);
  }
}

// Where nobody knows where the stream begins, it begins with what is earliest.
bool TcpInspector::MakeRoomInFront(Partial& partial, uint32_t seq) {
  const uint32_t count = partial.origin_seq - seq;
  if (!partial.open || !partial.bytes.Prepend(count)) return false;
  partial.origin_seq = seq;
  for (Reading& early : partial.early_ones()) {
    early.begin += count;
    early.at += count;
  }
  if (partial.front.need > 0) {
    partial.front.begin = partial.front.at = count;
    Follow(partial, partial.front);
  }
  partial.front = {};
  partial.passed = 0;
  return true;
}

// A segment that cannot be kept: too far away, or the end of what is too long.
void TcpInspector::Refuse(Flow& flow, int side, Partial& partial,
                          uint32_t offset, const Segment& segment) {
  ReadAlone(flow, side, segment.payload);
  if (offset > partial.bytes.From(0).size() &&
      ++partial.refused <= kMaxWaiting) {
    ++teller_.counters().unkept_segments;
    return;
  }
  ++teller_.counters().oversized;
  if (partial.begun()) teller_.Doubt();
  partial.inserts = kMaxSegments;
  GiveUp(flow, side, partial, segment);
}

// Not after this place, as there is no room to remember it.
void TcpInspector::Follow(Partial& partial, const Reading& reading) {
  if (partial.early_count == Partial::kMaxReadings) {
    ++teller_.counters().oversized;
    return;
  }
  partial.early[partial.early_count++] = reading;
}

const Reading* TcpInspector::EarlyAt(const Partial* partial, uint32_t at) {
  if (partial == nullptr) return nullptr;
  for (const Reading& early : partial->early_ones()) {
    if (early.begin == at) return &early;
  }
  return nullptr;
}

// A segment with something missing in front of it may begin a message.
void TcpInspector::BeginEarly(Flow& flow, int side, Partial& partial,
                              uint32_t offset) {
  const auto covers = [offset](const Reading& reading) {
    const uint32_t end = reading.at + (reading.certain ? reading.need : 0);
    return reading.begin == offset || (reading.begin < offset && offset < end);
  };
  if (partial.front.certain && covers(partial.front)) return;
  const auto early = partial.early_ones();
  if (std::any_of(early.begin(), early.end(), covers)) return;
  Reading reading{.begin = offset, .at = offset};
  const Kind kind =
      ReadOn(flow, side, nullptr, partial.bytes.From(offset), &reading);
  if (reading.at > offset || kind == Kind::kBegun) Follow(partial, reading);
}

// Goes on with what began before its front came, where there is more of it.
void TcpInspector::ReadEarly(Flow& flow, int side, Partial& partial) {
  uint8_t kept = 0;
  for (Reading& early : partial.early_ones()) {
    const Bytes run = partial.bytes.From(early.at);
    if (early.need > 0 && run.size() >= early.need) {
      const bool certain = early.certain;
      const uint32_t before = early.at;
      const Kind kind = ReadOn(flow, side, nullptr, run, &early);
      if (kind == Kind::kNothing && early.at == before && certain) {
        CountBroken(flow, side);
      }
      if (kind == Kind::kNothing && early.at == early.begin) continue;
    }
    partial.early[kept++] = early;
  }
  partial.early_count = kept;
}

void TcpInspector::CountBroken(Flow& flow, int side) {
  ++teller_.counters().malformed;
  teller_.Blame(flow, side, Blind::kParseFailure);
}

// What `reading` found, for what is kept from `passed` on: it is read again
// from there.
Reading TcpInspector::FrontAt(const Reading& reading, uint32_t passed) {
  Reading front;
  front.need = reading.need == 0 ? 0 : reading.at - passed + reading.need;
  front.certain = reading.certain;
  front.in_hello = reading.in_hello && passed == reading.at;
  return front;
}

// Reads what is there without a gap; false when nothing is left to keep.
bool TcpInspector::ReadFront(Flow& flow, int side, Partial& partial,
                             const Segment& segment) {
  const Bytes run = partial.bytes.From(0);
  if (run.empty() || run.size() < partial.front.need) return true;
  Reading reading = partial.front;
  const bool certain = reading.certain;
  Kind kind = Kind::kNothing;
  uint32_t known = 0;  // up to here, from the front
  for (bool skipped = false;; skipped = true) {
    kind = ReadOn(flow, side, &partial, run.subspan(reading.at), &reading);
    if (!skipped) known = reading.at;
    if (kind == Kind::kNothing && reading.at == 0 && certain) {
      CountBroken(flow, side);
    }
    if (kind != Kind::kNothing) break;
    // Nothing begins here: perhaps where the next segment did.
    reading.in_hello = false;
    reading.at = NextEarly(partial, reading.at, run.size());
    if (reading.at == run.size()) break;
  }
  if (kind == Kind::kDns) return ReadDns(flow, side, partial, segment);
  // Something may come in front of it.
  partial.open = partial.open && !reading.told;
  const uint32_t passed = partial.open ? 0 : reading.at;
  partial.front = FrontAt(reading, passed);
  if (partial.open) {
    // What was known for what it is waits for nothing any more.
    if (known > partial.passed) partial.inserts = 1;
    partial.passed = std::max(partial.passed, known);
    return true;
  }
  Consume(flow, side, partial, passed);
  if (!partial.bytes.empty()) return true;
  partials_.Release(flow, side);
  return false;
}

// Where, behind `at`, the next segment that came early began something; or
// where the run ends.
uint32_t TcpInspector::NextEarly(const Partial& partial, uint32_t at,
                                 size_t run) {
  auto next = static_cast<uint32_t>(run);
  for (const Reading& early : partial.early_ones()) {
    if (early.begin > at) next = std::min(next, early.begin);
  }
  return next;
}

// The front is a question. In the middle of a message too something may look
// like one: what it asks is told, and the flow is DNS for good when nothing has
// come in front of it. False when nothing is left to keep here.
bool TcpInspector::ReadDns(Flow& flow, int side, Partial& partial,
                           const Segment& segment) {
  const size_t told =
      partial.open ? dns_.TellOnce(flow, segment, partial.bytes.From(0)) : 0;
  if (partial.open && partial.inserts <= kMaxWaiting) return true;
  flow.marks |= kMarkDns;
  GoOnAt(flow.sides[side], partial.origin_seq, /*passed=*/true);
  partial.open = false;
  partial.front = {};
  partial.early_count = 0;
  dns_.TakeOver(flow, side, partial, segment, told);
  return false;
}

void TcpInspector::GoOnAt(FlowSide& from, uint32_t seq, bool passed) {
  from.next_seq = seq;
  from.knows_seq = true;
  if (passed) from.past_start = true;
}

// The first `count` bytes are done with.
void TcpInspector::Consume(Flow& flow, int side, Partial& partial,
                           uint32_t count) {
  partial.bytes.Consume(count);
  partial.origin_seq += count;
  GoOnAt(flow.sides[side], partial.origin_seq, count > 0);
  if (count == 0) return;
  partial.inserts = 1;
  uint8_t kept = 0;
  for (Reading early : partial.early_ones()) {
    if (early.begin < count) continue;
    early.begin -= count;
    early.at -= count;
    partial.early[kept++] = early;
  }
  partial.early_count = kept;
}

void TcpInspector::ReadRest(Flow& flow) {
  if (TcpDns::IsDns(flow)) return dns_.ReadRest(flow);
  for (const int side : {0, 1}) {
    const Partial* partial = partials_.Find(flow, side);
    if (partial == nullptr) continue;
    reader_.ReadCut(flow, side, partial->bytes.From(0));
    for (const Reading& early : partial->early_ones()) {
      reader_.ReadCut(flow, side, partial->bytes.From(early.at));
    }
  }
}

// What is missing will not come any more: what is there is read without it,
// and only a message that may still go on is kept.
void TcpInspector::GiveUp(Flow& flow, int side, Partial& partial,
                          const Segment& segment) {
  const bool too_long = partial.inserts >= kMaxSegments;
  const uint32_t end = segment.tcp_seq + segment.payload_bytes;
  partial.open = false;
  while (partial.bytes.From(0).size() < partial.bytes.end()) {
    const size_t run = partial.bytes.From(0).size();
    reader_.ReadCut(flow, side, partial.bytes.From(0));
    Consume(flow, side, partial, static_cast<uint32_t>(run));
    Consume(flow, side, partial, static_cast<uint32_t>(partial.bytes.first()));
    partial.front = {};
    if (!ReadFront(flow, side, partial, segment)) return;
  }
  if (partial.front.need > 0 && !too_long && !IsCut(segment)) return;
  if (IsCut(segment)) {
    reader_.ReadCut(flow, side, partial.bytes.From(0));
  }
  partials_.Release(flow, side);
  if (Ahead(end, flow.sides[side].next_seq) > 0) {
    GoOnAt(flow.sides[side], end, /*passed=*/true);
  }
}

}  // namespace schoolgate::agent
