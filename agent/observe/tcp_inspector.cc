#include "agent/observe/tcp_inspector.h"

#include <algorithm>

#include "agent/observe/http_request.h"
#include "agent/observe/stream_front.h"

namespace schoolgate::agent {
namespace {

// Where what stands in front of a client's bytes may begin and not be whole.
constexpr uint32_t kFrontBytes = 4096;
constexpr uint8_t kFirstRecordType = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kLastRecordType = 23;

int32_t Ahead(uint32_t seq, uint32_t than) {
  return static_cast<int32_t>(seq - than);
}

// The capture holds less of the segment than the wire did.
bool IsCut(const Segment& segment) {
  return segment.payload.size() < segment.payload_bytes;
}

// Of a record that may stand in front of a hello, or hold it.
bool IsRecordType(uint8_t type) {
  return type >= kFirstRecordType && type < kLastRecordType;
}

// Past whole TLS records at the start, up to the next that may begin a hello.
Bytes SkipRecords(Bytes bytes) {
  constexpr uint8_t kClientHello = 1;
  while (bytes.size() > 5 && bytes[0] >= kFirstRecordType &&
         bytes[0] <= kLastRecordType && bytes[1] == 3) {
    if (bytes[0] == kHandshake && bytes[5] == kClientHello) break;
    const size_t whole = 5 + size_t{LoadU16(bytes.data() + 3)};
    if (whole >= bytes.size()) return {};
    bytes = bytes.subspan(whole);
  }
  return bytes;
}

}  // namespace

void TcpInspector::OnSegment(Flow& flow, int side, const Segment& segment) {
  FlowSide& from = flow.sides[side];
  uint32_t seq = segment.tcp_seq;
  if ((segment.tcp_flags & kTcpSyn) != 0) {
    ++seq;
    if (!from.knows_seq) from.next_seq = seq;
    from.knows_seq = true;
  }
  if (segment.payload.empty()) return;
  if (from.segments < UINT8_MAX) ++from.segments;
  if (from.looked_at < UINT32_MAX / 2) {
    from.looked_at += static_cast<uint32_t>(segment.payload.size());
  }
  if (from.segments == 1 && TcpDns::StartsWithQuery(segment.payload)) {
    flow.marks |= kMarkDns;
  }
  if (TcpDns::IsDns(flow)) {
    dns_.OnSegment(flow, side, segment, seq);
  } else {
    Hunt(flow, side, segment, seq, segment.payload);
  }
}

TcpInspector::Kind TcpInspector::LookForHello(Flow& flow, int side,
                                              Bytes bytes) {
  ClientHello hello;
  const StreamSearch search = FindClientHello(bytes, &scratch_, &hello);
  need_ = search.need;
  certain_ = search.certain;
  if (search.result == Search::kNeedMore) return Kind::kHelloBegun;
  if (search.result == Search::kNot) {
    if (search.beyond) ++teller_.counters().oversized;
    return Kind::kNothing;
  }
  teller_.Hello(NameSource::kTls, flow, side, hello);
  const Bytes after = SkipRecords(bytes.subspan(search.used));
  if (!after.empty()) {
    // A second hello may follow at once, behind change_cipher_spec.
    const size_t used = bytes.size() - after.size();
    if (FindClientHello(bytes.subspan(used), &scratch_, &hello).result ==
        Search::kFound) {
      teller_.Hello(NameSource::kTls, flow, side, hello);
    }
  }
  return Kind::kTold;
}

TcpInspector::Kind TcpInspector::LookForHttp(Flow& flow, int side,
                                             Bytes bytes) {
  bool told = false;
  bytes = SkipEmptyLines(bytes);
  while (StartsLikeHttp(bytes)) {
    HttpRequest request;
    const HttpResult result = ReadHttpRequest(bytes, &request);
    if (request.beyond) ++teller_.counters().oversized;
    if (result == HttpResult::kNot) break;
    if (result == HttpResult::kNeedMore) {
      need_ = bytes.size() + 1;
      certain_ = false;
      return told ? Kind::kTold : Kind::kOtherBegun;
    }
    teller_.Http(flow, side, request.host);
    told = true;
    bytes = bytes.subspan(request.used);
  }
  if (told && !bytes.empty() && IsRecordType(bytes[0])) {
    // A client of a proxy that waits for no answer to its CONNECT.
    const Kind kind = LookForHello(flow, side, bytes);
    if (kind == Kind::kHelloBegun) return kind;
  }
  return told ? Kind::kTold : Kind::kNothing;
}

TcpInspector::Kind TcpInspector::Look(Flow& flow, int side, Bytes bytes) {
  // What fronts begin with; most bytes are nothing of the kind.
  StreamFront front;
  if (bytes[0] <= ' ' || bytes[0] == 'P') front = ReadStreamFront(bytes);
  if (front.need > 0 && flow.sides[side].looked_at < kFrontBytes) {
    need_ = front.need;
    certain_ = false;
    return Kind::kOtherBegun;
  }
  bytes = bytes.subspan(front.used);
  if (bytes.empty()) return Kind::kNothing;
  if (IsRecordType(bytes[0])) return LookForHello(flow, side, bytes);
  if (StartsLikeHttp(SkipEmptyLines(bytes))) {
    return LookForHttp(flow, side, bytes);
  }
  return Kind::kNothing;
}

void TcpInspector::Keep(Flow& flow, int side, uint32_t origin, uint32_t seq,
                        Bytes bytes, Kind kind) {
  Partial* partial = partials_.Make(flow, side);
  partial->origin_seq = origin;
  const uint32_t offset = seq - origin;
  if (kind != Kind::kNothing) Begin(*partial, offset);
  partial->inserts = 1;
  if (!partial->bytes.Insert(offset, bytes)) {
    ++teller_.counters().oversized;
    partials_.Release(flow, side);
    return;
  }
  partials_.Charge(*partial);
}

// What a capture kept of a hello whose rest it left out may hold the name.
void TcpInspector::TellCutHello(Flow& flow, int side, Bytes bytes) {
  ClientHello hello;
  bytes = bytes.subspan(ReadStreamFront(bytes).used);
  if (FindCutHello(bytes, &scratch_, &hello)) {
    teller_.Hello(NameSource::kTls, flow, side, hello);
  }
}

void TcpInspector::Hunt(Flow& flow, int side, const Segment& segment,
                        uint32_t seq, Bytes bytes) {
  FlowSide& from = flow.sides[side];
  const uint32_t end = seq + segment.payload_bytes;
  if (Partial* partial = partials_.Find(flow, side)) {
    Join(flow, side, *partial, seq, bytes);
    return;
  }
  const bool knew = from.knows_seq;
  const int32_t ahead = knew ? Ahead(seq, from.next_seq) : 0;
  if (!knew || Ahead(end, from.next_seq) > 0) {
    if (ahead < 0) {  // starts with what was seen already
      const auto old = static_cast<size_t>(-int64_t{ahead});
      bytes = bytes.subspan(std::min(old, bytes.size()));
      seq = from.next_seq;
    }
  }
  if (bytes.empty()) {  // cut by the capture before what is new
    from.next_seq = end;
    return;
  }
  Kind kind = Look(flow, side, bytes);
  const bool young = from.looked_at < kYoungBytes;
  // The first bytes of a request may be fewer than a method has.
  if (kind == Kind::kNothing && knew && young && ahead == 0 &&
      bytes.size() < 4 && StartsLikeHttp(bytes, 1)) {
    kind = Kind::kOtherBegun;
    need_ = 4;
    certain_ = false;
  }
  if (kind == Kind::kHelloBegun && IsCut(segment)) {
    TellCutHello(flow, side, bytes);
    from.next_seq = end;
    from.knows_seq = true;
    return;
  }
  // What is missing in front of it may come yet, and show that it begins
  // nothing.
  const bool seen = knew && Ahead(end, from.next_seq) <= 0;
  const bool early =
      knew && young && ahead > 0 && ahead < static_cast<int32_t>(kYoungBytes);
  if (kind == Kind::kHelloBegun || (kind == Kind::kOtherBegun && !seen)) {
    Keep(flow, side, early ? from.next_seq : seq, seq, bytes, kind);
    return;
  }
  if (kind == Kind::kNothing && young) {
    if (early) {
      Keep(flow, side, from.next_seq, seq, bytes, Kind::kNothing);
      return;
    }
    if (!knew && from.segments == 1) {
      Keep(flow, side, seq, seq, bytes, Kind::kNothing);
      return;
    }
  }
  if (kind == Kind::kNothing && ahead > 0) {
    ++teller_.counters().unkept_segments;
  }
  if (!knew || Ahead(end, from.next_seq) > 0) from.next_seq = end;
  from.knows_seq = true;
}

void TcpInspector::Join(Flow& flow, int side, Partial& partial, uint32_t seq,
                        Bytes bytes) {
  const int32_t offset = Ahead(seq, partial.origin_seq);
  bool kept = true;
  if (offset < 0) {
    const auto missing = static_cast<size_t>(-int64_t{offset});
    kept = partial.bytes.Prepend(missing) && partial.bytes.Insert(0, bytes);
    if (kept) {
      partial.origin_seq = seq;
      if (partial.start >= 0) partial.start += static_cast<int32_t>(missing);
    }
  } else {
    kept = partial.bytes.Insert(static_cast<size_t>(offset), bytes);
  }
  ++partial.inserts;
  if (kept) partials_.Charge(partial);
  const bool inside = partial.start >= 0;
  if (!inside) {
    const Kind kind = Look(flow, side, bytes);
    if (kind == Kind::kHelloBegun || kind == Kind::kOtherBegun) {
      const int32_t start = std::max(Ahead(seq, partial.origin_seq), 0);
      Begin(partial, static_cast<size_t>(start));
    } else if (kind == Kind::kTold) {
      kept = false;
    }
  }
  const uint32_t most = inside ? kMaxSegments : kMaxWaiting;
  if (!kept || partial.inserts > most) {
    FlowSide& from = flow.sides[side];
    from.next_seq = seq + static_cast<uint32_t>(bytes.size());
    from.knows_seq = true;
    if (partial.inserts > most || inside) ++teller_.counters().oversized;
    partials_.Release(flow, side);
    return;
  }
  TryPartial(flow, side, partial, static_cast<size_t>(std::max(offset, 0)));
}

void TcpInspector::Begin(Partial& partial, size_t start) const {
  partial.start = static_cast<int32_t>(start);
  partial.need = need_;
  partial.certain = certain_;
}

// `latest`: the offset of the segment that came last.
void TcpInspector::TryPartial(Flow& flow, int side, Partial& partial,
                              size_t latest) {
  FlowSide& from = flow.sides[side];
  // Where the stream is known to go on is a better place to look than where a
  // segment that came early seemed to begin something.
  if (partial.start > 0 && from.knows_seq) {
    const Bytes front = partial.bytes.From(0);
    const Kind kind = !front.empty() && IsRecordType(front[0])
                          ? LookForHello(flow, side, front)
                          : Kind::kNothing;
    if (kind == Kind::kHelloBegun) Begin(partial, 0);
    if (kind == Kind::kTold) {
      Finish(flow, side, partial, front.size());
      return;
    }
  }
  const bool waiting = partial.start < 0;
  const auto start = static_cast<size_t>(waiting ? 0 : partial.start);
  const Bytes run = partial.bytes.From(start);
  if (run.empty() || run.size() < partial.need) return;

  Kind kind = Look(flow, side, run);
  if (kind == Kind::kHelloBegun || kind == Kind::kOtherBegun) {
    Begin(partial, start);
    return;
  }
  const size_t end = start + run.size();
  if (kind == Kind::kNothing && !partial.certain && latest > start &&
      latest < end) {
    // What seemed to begin was nothing; this segment may begin something.
    kind = Look(flow, side, partial.bytes.From(latest));
    if (kind == Kind::kHelloBegun || kind == Kind::kOtherBegun) {
      Begin(partial, latest);
      return;
    }
  }
  const bool front_may_come = from.knows_seq
                                  ? start > 0 && partial.bytes.From(0).empty()
                                  : waiting || partial.certain;
  if (kind == Kind::kNothing && front_may_come) {
    Wait(partial);
    return;
  }
  if (kind == Kind::kNothing && partial.certain) {
    ++teller_.counters().malformed;
    teller_.Blame(flow, side, Blind::kParseFailure);
  }
  if (kind == Kind::kNothing && partial.bytes.end() > end) {
    // What came early is still to be reached.
    partial.bytes.Consume(end);
    partial.origin_seq += static_cast<uint32_t>(end);
    from.next_seq = partial.origin_seq;
    from.knows_seq = true;
    Wait(partial);
    return;
  }
  Finish(flow, side, partial, end);
}

// Nothing has begun in it; what is missing may come yet.
void TcpInspector::Wait(Partial& partial) {
  partial.start = -1;
  partial.need = 0;
  partial.certain = false;
}

// The bytes up to `end` are done with.
void TcpInspector::Finish(Flow& flow, int side, const Partial& partial,
                          size_t end) {
  flow.sides[side].next_seq = partial.origin_seq + static_cast<uint32_t>(end);
  flow.sides[side].knows_seq = true;
  partials_.Release(flow, side);
}

}  // namespace schoolgate::agent
