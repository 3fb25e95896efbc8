#include "agent/observe/tcp_dns.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortDns = 53;
constexpr uint16_t kPortMdns = 5353;
constexpr uint16_t kPortLlmnr = 5355;
constexpr size_t kDnsHeader = 12;
constexpr size_t kMaxMessage = 2 + 0xffff;

int32_t Ahead(uint32_t seq, uint32_t than) {
  return static_cast<int32_t>(seq - than);
}

bool Uses(const Flow& flow, uint16_t port) {
  return flow.ports[0] == port || flow.ports[1] == port;
}

NameSource SourceOf(const Flow& flow) {
  if (Uses(flow, kPortDns)) return NameSource::kDns;
  if (Uses(flow, kPortLlmnr)) return NameSource::kLlmnr;
  return Uses(flow, kPortMdns) ? NameSource::kMdns : NameSource::kDns;
}

// Whether a message begins here, as far as can be said: it has a length and, if
// it is whole, a question.
bool MayStartHere(Bytes bytes) {
  if (bytes.size() < 2) return false;
  const size_t length = LoadU16(bytes.data());
  if (length < kDnsHeader) return false;
  if (length > bytes.size() - 2) return true;
  DnsMessage message(bytes.subspan(2, length));
  DnsQuestion question;
  return message.NextQuestion(&question);
}

bool HasGap(const Partial& partial) {
  return partial.bytes.From(0).size() < partial.bytes.end();
}

void Consume(Partial& partial, size_t count) {
  if (count > 0) {
    partial.from_start = false;
    partial.front = {};
  }
  partial.bytes.Consume(count);
  partial.origin_seq += static_cast<uint32_t>(count);
}

// The same for the middle of a stream, where nearly any bytes might be a
// message of some kind: of the usual ones.
bool CertainlyStartsHere(Bytes bytes) {
  constexpr uint16_t kKindBits = 0xf800;  // response, opcode
  constexpr uint16_t kAnswer = 0x8000;
  if (bytes.size() < 2 + kDnsHeader) return false;
  if (TcpDns::BeginsWithQuery(bytes) > 0) return true;
  const Bytes header = bytes.subspan(2);
  return (LoadU16(header.data() + 2) & kKindBits) == kAnswer &&
         LoadU16(header.data() + 4) == 1 && MayStartHere(bytes);
}

// Where, behind a gap, the first message certainly begins; the end of `bytes`
// when there is none.
size_t FirstMessage(Bytes bytes) {
  if (CertainlyStartsHere(bytes)) return 0;
  for (size_t at = 1; at + 2 + kDnsHeader < bytes.size(); ++at) {
    const Bytes here = bytes.subspan(at);
    const size_t length = TcpDns::BeginsWithQuery(here);
    // One that is not whole begins where a segment did.
    if (length > 0 && length <= here.size()) return at;
  }
  return bytes.size();
}

}  // namespace

bool TcpDns::IsDns(const Flow& flow) {
  const uint16_t server = flow.ports[flow.client ^ 1];
  return (flow.marks & kMarkDns) != 0 || server == kPortDns ||
         server == kPortMdns || server == kPortLlmnr;
}

size_t TcpDns::BeginsWithQuery(Bytes bytes) {
  constexpr size_t kLeast = 2 + kDnsHeader;
  constexpr uint8_t kMostUsual = 2;  // in the first byte: 767 bytes
  if (bytes.size() < kLeast) {
    const bool may_be =
        bytes[0] <= kMostUsual &&
        (bytes.size() < 2 || LoadU16(bytes.data()) > kDnsHeader);
    return may_be ? kLeast : 0;
  }
  const size_t length = LoadU16(bytes.data());
  if (!MayBeQuery(bytes.subspan(2, kDnsHeader))) return 0;
  if (bytes.size() - 2 < length) return 2 + length;
  return IsUnmistakableQuery(bytes.subspan(2, length)) ? 2 + length : 0;
}

void TcpDns::OnSegment(Flow& flow, int side, const Segment& segment,
                       uint32_t seq) {
  if (Partial* partial = partials_.Find(flow, side)) {
    Join(flow, side, *partial, segment, seq);
    return;
  }
  Bytes bytes = segment.payload;
  FlowSide& from = flow.sides[side];
  bool guessed = !from.knows_seq;
  const int32_t ahead = guessed ? 0 : Ahead(seq, from.next_seq);
  if (ahead < 0) {
    const auto seen = static_cast<size_t>(-int64_t{ahead});
    if (seen >= bytes.size()) return SentAgain(flow, side, segment);
    // Who makes packets by hand may begin on the SYN's own number.
    const bool by_hand = from.segments == 1 && BeginsWithQuery(bytes) > 0 &&
                         BeginsWithQuery(bytes.subspan(seen)) == 0;
    if (!by_hand) {
      bytes = bytes.subspan(seen);
      seq += static_cast<uint32_t>(seen);
    }
  }
  from.knows_seq = true;
  if (ahead > 0) {
    if (Keep(flow, side, from.next_seq, seq, bytes, /*guessed=*/false)) return;
    teller_.Doubt();
    guessed = true;  // too far away: as if the stream began here
  }
  ReadNext(flow, side, segment, seq, bytes, guessed);
}

// The bytes that come next.
void TcpDns::ReadNext(Flow& flow, int side, const Segment& segment,
                      uint32_t seq, Bytes bytes, bool guessed) {
  FlowSide& from = flow.sides[side];
  bool broken = false;
  size_t used = 0;
  const bool first = from.segments == 1;
  if (!guessed || (first ? MayStartHere(bytes) : CertainlyStartsHere(bytes))) {
    used = TellMessages(flow, segment, bytes, &broken);
  }
  const bool cut = segment.payload.size() < segment.payload_bytes;
  if (guessed && used == 0 && !cut) {
    Keep(flow, side, seq, seq, bytes, /*guessed=*/true);
    return;
  }
  from.next_seq = seq + static_cast<uint32_t>(broken ? bytes.size() : used);
  if (cut) {
    if (!broken) TellCut(flow, segment, bytes.subspan(used));
    from.next_seq = segment.tcp_seq + segment.payload_bytes;
  }
  if (cut || broken || used == bytes.size()) return;
  seq += static_cast<uint32_t>(used);
  Keep(flow, side, seq, seq, bytes.subspan(used), /*guessed=*/false);
}

// All of it has been passed: the same again, most times. Other words in its
// place may be what the server takes.
void TcpDns::SentAgain(Flow& flow, int side, const Segment& segment) {
  const Bytes bytes = segment.payload;
  if (side != flow.client || !CertainlyStartsHere(bytes)) return;
  TellOnce(flow, segment, bytes);
}

size_t TcpDns::TellOnce(Flow& flow, const Segment& segment, Bytes bytes) {
  bool broken = false;
  return TellMessages(flow, segment, bytes, &broken, /*again=*/true);
}

// One that was sent before too is told unless it was among the last: questions
// only, as nothing else is told.
void TcpDns::TellMessage(const Flow& flow, const Segment& segment,
                         Bytes message, bool again) {
  constexpr uint8_t kResponse = 0x80;
  if ((message[2] & kResponse) == 0) {
    const uint64_t key = flow.id << 32 ^ teller_.HashOf(AsText(message));
    if (again && std::find(told_.begin(), told_.end(), key) != told_.end()) {
      return;
    }
    told_[next_told_++ % kRemembered] = key;
  }
  teller_.Dns(SourceOf(flow), Transport::kTcp, segment, flow.id, message);
}

// False when it cannot be kept.
bool TcpDns::Keep(Flow& flow, int side, uint32_t origin, uint32_t seq,
                  Bytes bytes, bool guessed) {
  Partial* partial = partials_.Make(flow, side);
  // A whole message, and what comes in the segment of its end.
  partial->bytes = ByteAssembler(2 * kMaxMessage);
  partial->origin_seq = origin;
  partial->inserts = 1;
  partial->guessed = guessed;
  partial->from_start = flow.sides[side].segments == 1;
  if (!partial->bytes.Insert(seq - origin, bytes)) {
    ++teller_.counters().oversized;
    partials_.Release(flow, side);
    return false;
  }
  partials_.Charge(*partial);
  return true;
}

// False when it cannot be kept.
bool TcpDns::Insert(Partial& partial, uint32_t seq, Bytes bytes) {
  const int32_t offset = Ahead(seq, partial.origin_seq);
  if (offset >= 0) {
    return partial.bytes.Insert(static_cast<size_t>(offset), bytes);
  }
  const auto before = static_cast<size_t>(-int64_t{offset});
  if (partial.guessed) {
    partial.origin_seq = seq;
    return partial.bytes.Prepend(before) && partial.bytes.Insert(0, bytes);
  }
  return before >= bytes.size() ||
         partial.bytes.Insert(0, bytes.subspan(before));
}

void TcpDns::Join(Flow& flow, int side, Partial& partial,
                  const Segment& segment, uint32_t seq) {
  if (!Insert(partial, seq, segment.payload)) {
    // Too far away, or in too many pieces: begins anew here.
    ++teller_.counters().oversized;
    teller_.Doubt();
    LeaveGaps(flow, side, partial, segment);
    if (!partial.guessed) TellCut(flow, segment, partial.bytes.From(0));
    partials_.Release(flow, side);
    ReadNext(flow, side, segment, seq, segment.payload, /*guessed=*/true);
    return;
  }
  bool broken = ++partial.inserts > kMaxSegments;
  partials_.Charge(partial);
  if (!broken && partial.guessed && !MayStartHere(partial.bytes.From(0))) {
    if (partial.inserts <= kMaxWaiting) return;
    broken = true;
  }
  if (partial.guessed && partial.inserts > kMaxWaiting) {
    // What looked like the length of a message was the middle of one.
    Consume(partial, FirstMessage(partial.bytes.From(0)));
  }
  const auto end = seq + static_cast<uint32_t>(segment.payload.size());
  TellKept(flow, side, partial, segment, end, broken);
}

// What is missing will not come any more: goes on with what certainly is a
// message behind it. What is left has no gap.
void TcpDns::LeaveGaps(Flow& flow, int side, Partial& partial,
                       const Segment& segment) {
  bool broken = false;
  while (HasGap(partial)) {
    const Bytes run = partial.bytes.From(0);
    if (!partial.guessed) TellCut(flow, segment, run);
    Consume(partial, run.size());
    Consume(partial, partial.bytes.first());
    Consume(partial, FirstMessage(partial.bytes.From(0)));
    partial.guessed = false;
    Consume(partial,
            TellMessages(flow, segment, partial.bytes.From(0), &broken));
    partial.inserts = 1;
    if (broken) Consume(partial, partial.bytes.From(0).size());
  }
  if (partial.bytes.empty()) flow.sides[side].next_seq = partial.origin_seq;
}

void TcpDns::ReadRest(Flow& flow) {
  for (const int side : {0, 1}) {
    Partial* partial = partials_.Find(flow, side);
    if (partial == nullptr) continue;
    Segment segment;
    segment.protocol = kProtocolTcp;
    segment.src = flow.ends[side];
    segment.dst = flow.ends[side ^ 1];
    segment.src_port = flow.ports[side];
    segment.dst_port = flow.ports[side ^ 1];
    segment.uid = flow.uid;
    LeaveGaps(flow, side, *partial, segment);
  }
}

void TcpDns::TakeOver(Flow& flow, int side, Partial& partial,
                      const Segment& segment, size_t told) {
  const auto end =
      partial.origin_seq + static_cast<uint32_t>(partial.bytes.end());
  Consume(partial, told);
  TellKept(flow, side, partial, segment, end, /*broken=*/false);
}

// The messages that are whole; the side goes on behind them, or at `end` when
// it is broken.
void TcpDns::TellKept(Flow& flow, int side, Partial& partial,
                      const Segment& segment, uint32_t end, bool broken) {
  if (!broken) {
    const size_t used =
        TellMessages(flow, segment, partial.bytes.From(0), &broken);
    Consume(partial, used);
    if (used > 0) {
      partial.guessed = false;
      partial.inserts = 1;
    }
    if (!broken && HasGap(partial) && partial.inserts > kMaxBehindGap) {
      teller_.Doubt();
      LeaveGaps(flow, side, partial, segment);
    }
    if (!broken && !partial.bytes.empty()) return;
  } else {
    ++teller_.counters().malformed;
  }
  flow.sides[side].next_seq = broken ? end : partial.origin_seq;
  partials_.Release(flow, side);
}

size_t TcpDns::TellMessages(Flow& flow, const Segment& segment, Bytes bytes,
                            bool* broken, bool again) {
  size_t used = 0;
  int too_short = 0;
  while (bytes.size() - used >= 2) {
    const size_t length = LoadU16(bytes.data() + used);
    if (bytes.size() - used - 2 < length) break;
    if (length >= kDnsHeader) {
      TellMessage(flow, segment, bytes.subspan(used + 2, length), again);
      too_short = 0;
    } else if (++too_short > kMaxShort) {
      ++teller_.counters().malformed;
      teller_.Doubt();
      *broken = true;
      return used;
    }
    used += 2 + length;
  }
  return used;
}

// What a capture kept of a message whose rest never comes: its questions may
// be whole.
void TcpDns::TellCut(Flow& flow, const Segment& segment, Bytes bytes) {
  if (bytes.size() <= 2 + kDnsHeader) return;
  teller_.Dns(SourceOf(flow), Transport::kTcp, segment, flow.id,
              bytes.subspan(2));
}

}  // namespace schoolgate::agent
