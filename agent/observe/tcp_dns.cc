#include "agent/observe/tcp_dns.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortDns = 53;
constexpr uint16_t kPortMdns = 5353;
constexpr uint16_t kPortLlmnr = 5355;
constexpr size_t kDnsHeader = 12;

int32_t Ahead(uint32_t seq, uint32_t than) {
  return static_cast<int32_t>(seq - than);
}

bool Uses(const Flow& flow, uint16_t port) {
  return flow.ports[0] == port || flow.ports[1] == port;
}

NameSource SourceOf(const Flow& flow) {
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

}  // namespace

bool TcpDns::IsDns(const Flow& flow) {
  return (flow.marks & kMarkDns) != 0 || Uses(flow, kPortDns) ||
         Uses(flow, kPortMdns) || Uses(flow, kPortLlmnr);
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
  const bool guessed = !from.knows_seq;
  int32_t ahead = guessed ? 0 : Ahead(seq, from.next_seq);
  if (ahead < 0) {
    const auto seen = static_cast<size_t>(-int64_t{ahead});
    if (seen >= bytes.size()) return;
    bytes = bytes.subspan(seen);
    seq += static_cast<uint32_t>(seen);
    ahead = 0;
  }
  from.knows_seq = true;
  if (ahead > 0) {
    Keep(flow, side, from.next_seq, seq, bytes, /*guessed=*/false);
    return;
  }
  bool broken = false;
  size_t used = 0;
  if (!guessed || MayStartHere(bytes)) {
    used = TellMessages(flow, segment, bytes, &broken);
  }
  const bool cut = segment.payload.size() < segment.payload_bytes;
  if (guessed && used == 0 && !cut) {
    Keep(flow, side, seq, seq, bytes, /*guessed=*/true);
    return;
  }
  from.next_seq = seq + static_cast<uint32_t>(broken ? bytes.size() : used);
  if (broken) ++teller_.counters().malformed;
  if (cut) {
    if (!broken) TellCut(flow, segment, bytes.subspan(used));
    from.next_seq = segment.tcp_seq + segment.payload_bytes;
  }
  if (cut || broken || used == bytes.size()) return;
  seq += static_cast<uint32_t>(used);
  Keep(flow, side, seq, seq, bytes.subspan(used), /*guessed=*/false);
}

void TcpDns::Keep(Flow& flow, int side, uint32_t origin, uint32_t seq,
                  Bytes bytes, bool guessed) {
  Partial* partial = partials_.Make(flow, side);
  partial->origin_seq = origin;
  partial->inserts = 1;
  partial->guessed = guessed;
  if (!partial->bytes.Insert(seq - origin, bytes)) {
    ++teller_.counters().oversized;
    partials_.Release(flow, side);
    return;
  }
  partials_.Charge(*partial);
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
  const bool kept = Insert(partial, seq, segment.payload);
  bool broken = ++partial.inserts > kMaxSegments || !kept;
  if (!broken) {
    partials_.Charge(partial);
    if (partial.guessed && !MayStartHere(partial.bytes.From(0))) {
      if (partial.inserts <= kMaxWaiting) return;
      broken = true;
    }
  }
  const auto end = seq + static_cast<uint32_t>(segment.payload.size());
  TellKept(flow, side, partial, segment, end, broken);
}

void TcpDns::TakeOver(Flow& flow, int side, Partial& partial,
                      const Segment& segment) {
  const auto end =
      partial.origin_seq + static_cast<uint32_t>(partial.bytes.end());
  TellKept(flow, side, partial, segment, end, /*broken=*/false);
}

// The messages that are whole; the side goes on behind them, or at `end` when
// it is broken.
void TcpDns::TellKept(Flow& flow, int side, Partial& partial,
                      const Segment& segment, uint32_t end, bool broken) {
  if (!broken) {
    const size_t used =
        TellMessages(flow, segment, partial.bytes.From(0), &broken);
    partial.bytes.Consume(used);
    partial.origin_seq += static_cast<uint32_t>(used);
    if (used > 0) partial.guessed = false;
    if (!broken && !partial.bytes.empty()) return;
  }
  if (broken) ++teller_.counters().malformed;
  flow.sides[side].next_seq = broken ? end : partial.origin_seq;
  partials_.Release(flow, side);
}

size_t TcpDns::TellMessages(Flow& flow, const Segment& segment, Bytes bytes,
                            bool* broken) {
  size_t used = 0;
  while (bytes.size() - used >= 2) {
    const size_t length = LoadU16(bytes.data() + used);
    if (length < kDnsHeader) {
      *broken = true;
      return used;
    }
    if (bytes.size() - used - 2 < length) break;
    teller_.Dns(SourceOf(flow), Transport::kTcp, segment, flow.id,
                bytes.subspan(used + 2, length));
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
