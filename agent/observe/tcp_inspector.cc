#include "agent/observe/tcp_inspector.h"

#include <algorithm>

#include "agent/observe/http_request.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortDns = 53;
constexpr uint16_t kPortMdns = 5353;
constexpr uint16_t kPortLlmnr = 5355;
constexpr size_t kDnsHeader = 12;
constexpr uint8_t kFirstRecordType = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kLastRecordType = 23;

int32_t Ahead(uint32_t seq, uint32_t than) {
  return static_cast<int32_t>(seq - than);
}

bool Uses(const Flow& flow, uint16_t port) {
  return flow.ports[0] == port || flow.ports[1] == port;
}

bool IsDns(const Flow& flow) {
  return (flow.marks & kMarkDns) != 0 || Uses(flow, kPortDns) ||
         Uses(flow, kPortMdns) || Uses(flow, kPortLlmnr);
}

NameSource DnsSource(const Flow& flow) {
  if (Uses(flow, kPortLlmnr)) return NameSource::kLlmnr;
  return Uses(flow, kPortMdns) ? NameSource::kMdns : NameSource::kDns;
}

// The capture holds less of the segment than the wire did.
bool IsCut(const Segment& segment) {
  return segment.payload.size() < segment.payload_bytes;
}

// DNS on some other port: a stream that starts with a whole query.
bool StartsWithQuery(Bytes bytes) {
  if (bytes.size() < 2 + kDnsHeader) return false;
  const size_t length = LoadU16(bytes.data());
  return length <= bytes.size() - 2 &&
         IsUnmistakableQuery(bytes.subspan(2, length));
}

// Of a record that may stand in front of a hello, or hold it.
bool IsRecordType(uint8_t type) {
  return type >= kFirstRecordType && type < kLastRecordType;
}

// What may stand in front of a client's own bytes in the same segment: the
// PROXY protocol of HAProxy, in text or binary; the wish for TLS of a client of
// MySQL or PostgreSQL that waits for no answer; the packet in which SQL
// Server's clients wrap their hello.
Bytes SkipFront(Bytes bytes) {
  constexpr std::string_view kText = "PROXY ";
  constexpr std::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
  constexpr std::string_view kMySql("\x20\0\0\1", 4);
  constexpr std::string_view kPostgreSql("\0\0\0\x08\x04\xd2\x16\x2f", 8);
  constexpr uint8_t kTdsPreLogin = 0x12;
  constexpr size_t kTdsHeader = 8;
  constexpr size_t kMySqlWish = 36;
  constexpr size_t kMaxTextLine = 107;
  constexpr size_t kBinaryHeader = 16;
  const std::string_view text = AsText(bytes);
  size_t skip = 0;
  if (text.starts_with(kText)) {
    const size_t end = text.substr(0, kMaxTextLine).find('\n');
    skip = end == std::string_view::npos ? 0 : end + 1;
  } else if (text.starts_with(kBinary) && text.size() > kBinaryHeader) {
    skip = kBinaryHeader + LoadU16(bytes.data() + 14);
  } else if (text.starts_with(kMySql)) {
    skip = kMySqlWish;
  } else if (text.starts_with(kPostgreSql)) {
    skip = kPostgreSql.size();
  } else if (bytes[0] == kTdsPreLogin && bytes.size() > kTdsHeader &&
             bytes[kTdsHeader] == kHandshake) {
    skip = kTdsHeader;
  }
  return bytes.subspan(std::min(skip, bytes.size()));
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
  if (from.segments == 1 && StartsWithQuery(segment.payload)) {
    flow.marks |= kMarkDns;
  }
  if (IsDns(flow)) {
    OnDns(flow, side, segment, seq, segment.payload);
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
      return told ? Kind::kTold : Kind::kHttpBegun;
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
  if (bytes[0] <= ' ' || bytes[0] == 'P') {
    if (!IsRecordType(bytes[0])) bytes = SkipFront(bytes);
    if (bytes.empty()) return Kind::kNothing;
  }
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
  if (kind != Kind::kNothing) Begin(*partial, offset, kind);
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
  if (FindCutHello(SkipFront(bytes), &scratch_, &hello)) {
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
  // The first bytes of a stream may be fewer than a method has.
  if (kind == Kind::kNothing && knew && from.segments == 1 && ahead == 0 &&
      bytes.size() < 4 && StartsLikeHttp(bytes, 1)) {
    kind = Kind::kHttpBegun;
    need_ = 4;
    certain_ = false;
  }
  if (kind == Kind::kHelloBegun && IsCut(segment)) {
    TellCutHello(flow, side, bytes);
    from.next_seq = end;
    from.knows_seq = true;
    return;
  }
  if (kind == Kind::kHelloBegun || kind == Kind::kHttpBegun) {
    Keep(flow, side, seq, seq, bytes, kind);
    return;
  }
  const bool young = from.looked_at < kYoungBytes;
  if (kind == Kind::kNothing && young) {
    if (knew && ahead > 0 && ahead < static_cast<int32_t>(kYoungBytes)) {
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
    if (kind == Kind::kHelloBegun || kind == Kind::kHttpBegun) {
      const int32_t start = std::max(Ahead(seq, partial.origin_seq), 0);
      Begin(partial, static_cast<size_t>(start), kind);
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
  TryPartial(flow, side, partial);
}

void TcpInspector::Begin(Partial& partial, size_t start, Kind kind) const {
  partial.start = static_cast<int32_t>(start);
  partial.http = kind == Kind::kHttpBegun;
  partial.need = need_;
  partial.certain = certain_;
}

void TcpInspector::TryPartial(Flow& flow, int side, Partial& partial) {
  FlowSide& from = flow.sides[side];
  // Where the stream is known to go on is a better place to look than where a
  // segment that came early seemed to begin something.
  if (partial.start > 0 && from.knows_seq) {
    const Bytes front = partial.bytes.From(0);
    const Kind kind = !front.empty() && IsRecordType(front[0])
                          ? LookForHello(flow, side, front)
                          : Kind::kNothing;
    if (kind == Kind::kHelloBegun) Begin(partial, 0, kind);
    if (kind == Kind::kTold) {
      Finish(flow, side, partial, front.size());
      return;
    }
  }
  const bool waiting = partial.start < 0;
  const auto start = static_cast<size_t>(waiting ? 0 : partial.start);
  const Bytes run = partial.bytes.From(start);
  if (run.empty() || run.size() < partial.need) return;
  if (waiting && !from.knows_seq) return;  // earlier bytes may still come

  const Kind kind = Look(flow, side, run);
  if (kind == Kind::kHelloBegun || kind == Kind::kHttpBegun) {
    Begin(partial, start, kind);
    return;
  }
  if (kind == Kind::kNothing && start > 0 && from.knows_seq &&
      partial.bytes.From(0).empty()) {
    partial.start = -1;  // it was none; the front may still come
    partial.need = 0;
    partial.certain = false;
    return;
  }
  if (kind == Kind::kNothing && partial.certain) {
    ++teller_.counters().malformed;
    teller_.Blame(flow, side, Blind::kParseFailure);
  }
  Finish(flow, side, partial, start + run.size());
}

// The bytes up to `end` are done with.
void TcpInspector::Finish(Flow& flow, int side, const Partial& partial,
                          size_t end) {
  flow.sides[side].next_seq = partial.origin_seq + static_cast<uint32_t>(end);
  flow.sides[side].knows_seq = true;
  partials_.Release(flow, side);
}

size_t TcpInspector::TellDnsMessages(Flow& flow, const Segment& segment,
                                     Bytes bytes, bool* broken) {
  size_t used = 0;
  while (bytes.size() - used >= 2) {
    const size_t length = LoadU16(bytes.data() + used);
    if (length < kDnsHeader) {
      *broken = true;
      return used;
    }
    if (bytes.size() - used - 2 < length) break;
    teller_.Dns(DnsSource(flow), Transport::kTcp, segment, flow.id,
                bytes.subspan(used + 2, length));
    used += 2 + length;
  }
  return used;
}

void TcpInspector::OnDns(Flow& flow, int side, const Segment& segment,
                         uint32_t seq, Bytes bytes) {
  if (Partial* partial = partials_.Find(flow, side)) {
    JoinDns(flow, side, *partial, segment, seq, bytes);
    return;
  }
  FlowSide& from = flow.sides[side];
  int32_t ahead = from.knows_seq ? Ahead(seq, from.next_seq) : 0;
  if (ahead < 0) {
    const auto seen = static_cast<size_t>(-int64_t{ahead});
    if (seen >= bytes.size()) return;
    bytes = bytes.subspan(seen);
    seq += static_cast<uint32_t>(seen);
    ahead = 0;
  }
  from.knows_seq = true;
  if (ahead > 0) {
    Keep(flow, side, seq - static_cast<uint32_t>(ahead), seq, bytes,
         Kind::kNothing);
    return;
  }
  bool broken = false;
  const size_t used = TellDnsMessages(flow, segment, bytes, &broken);
  const bool cut = IsCut(segment);
  from.next_seq = seq + static_cast<uint32_t>(broken ? bytes.size() : used);
  if (broken) ++teller_.counters().malformed;
  if (cut) {
    if (!broken) TellCutMessage(flow, segment, bytes.subspan(used));
    from.next_seq = segment.tcp_seq + segment.payload_bytes;
  }
  if (cut || broken || used == bytes.size()) return;
  seq += static_cast<uint32_t>(used);
  Keep(flow, side, seq, seq, bytes.subspan(used), Kind::kNothing);
}

void TcpInspector::JoinDns(Flow& flow, int side, Partial& partial,
                           const Segment& segment, uint32_t seq, Bytes bytes) {
  const int32_t offset = Ahead(seq, partial.origin_seq);
  if (offset < 0) {
    const auto seen = static_cast<size_t>(-int64_t{offset});
    if (seen >= bytes.size()) return;
    bytes = bytes.subspan(seen);
  }
  bool broken =
      ++partial.inserts > kMaxSegments ||
      !partial.bytes.Insert(static_cast<size_t>(std::max(offset, 0)), bytes);
  if (!broken) {
    partials_.Charge(partial);
    const size_t used =
        TellDnsMessages(flow, segment, partial.bytes.From(0), &broken);
    partial.bytes.Consume(used);
    partial.origin_seq += static_cast<uint32_t>(used);
    if (!broken && !partial.bytes.empty()) return;
  }
  if (broken) ++teller_.counters().malformed;
  flow.sides[side].next_seq =
      broken ? seq + static_cast<uint32_t>(bytes.size()) : partial.origin_seq;
  partials_.Release(flow, side);
}

// What a capture kept of a message whose rest never comes: its questions may
// be whole.
void TcpInspector::TellCutMessage(Flow& flow, const Segment& segment,
                                  Bytes bytes) {
  if (bytes.size() <= 2 + kDnsHeader) return;
  teller_.Dns(DnsSource(flow), Transport::kTcp, segment, flow.id,
              bytes.subspan(2));
}

}  // namespace schoolgate::agent
