#include "agent/observe/observer.h"

#include <algorithm>
#include <new>

namespace schoolgate::agent {
namespace {

bool IsNamePort(uint16_t port) {
  return port == 443 || port == 80 || port == 853 || port == 8443 ||
         port == 8080;
}

// Which end asks, when no handshake says so: the one with the higher port.
uint8_t GuessClient(const Flow& flow) {
  return flow.ports[0] >= flow.ports[1] ? 0 : 1;
}

// A connection that carries again after this long was at rest.
constexpr int64_t kSilentUs = 1'500'000;

// About once a second while bytes pass; and earlier when the flow has grown by
// half, since a short load may be over within the second and then silent.
bool IsWorthTelling(const Flow& flow, int64_t now_us) {
  if (now_us - flow.told_us >= Observer::kProgressEveryUs) return true;
  if (now_us < flow.told_us) return true;
  const uint64_t bytes = flow.bytes[0] + flow.bytes[1];
  const uint64_t told = flow.told_units * Flow::kToldUnit;
  // The first bytes after a silence say whether a page begins to load.
  if ((flow.marks & kMarkWoken) != 0 && bytes - told > Observer::kWokenBytes) {
    return true;
  }
  return bytes - told > told / 2 + Observer::kProgressBytes;
}

void NoteTold(Flow& flow, int64_t now_us, bool woken) {
  flow.marks &= static_cast<uint8_t>(~kMarkWoken);
  if (woken) flow.marks |= kMarkWoken;
  flow.told_us = now_us;
  flow.told_units =
      static_cast<uint32_t>((flow.bytes[0] + flow.bytes[1]) / Flow::kToldUnit);
}

// One packet may cross a veth, a bridge and a network card. A direction of a
// flow counts where it was first seen, until it is silent there: then the
// flow has moved, as a roaming laptop's do.
bool IsEcho(Flow& flow, int end, uint32_t interface, int64_t now_us) {
  if (interface == 0) return false;
  constexpr int64_t kTickUs = 500'000;
  constexpr uint16_t kSilentTicks = 4;
  // Interfaces of containers count into the thousands.
  const auto here = static_cast<uint16_t>(1 + (interface - 1) % UINT16_MAX);
  FlowSide& side = flow.sides[end];
  const auto tick = static_cast<uint16_t>(now_us / kTickUs);
  const auto silent = static_cast<uint16_t>(tick - flow.heard_ticks[end]);
  if (side.interface != 0 && side.interface != here && silent < kSilentTicks) {
    return true;
  }
  side.interface = here;
  flow.heard_ticks[end] = tick;
  return false;
}

// Gives back what is kept of a flow that nobody will ask after.
class LooseEnd {
 public:
  LooseEnd(PartialPool& partials, Flow& flow)
      : partials_(partials), flow_(flow) {}
  ~LooseEnd() { partials_.Release(flow_, 0); }
  LooseEnd(const LooseEnd&) = delete;
  LooseEnd& operator=(const LooseEnd&) = delete;

 private:
  PartialPool& partials_;
  Flow& flow_;
};

}  // namespace

Observer::Observer(const ObserverLimits& limits, ObservationSink& sink)
    : teller_(sink, limits.flows.hash_seed),
      partials_(limits.max_partials, limits.max_partial_bytes),
      tcp_(teller_, partials_),
      udp_(teller_, partials_, limits.keep_hellos),
      flows_(limits.flows, *this),
      names_at_end_(limits.names_at_end) {}

Observer::~Observer() = default;

void Observer::OnPackets(std::span<const platform::Packet> packets) {
  while (!packets.empty()) {
    const size_t some = DecodeSome(packets);
    for (size_t i = 0; i < some; ++i) {
      if (passing_[i].decoded == Decoded::kSegment) {
        flows_.AnnounceAgain(passing_[i].hash);
      }
    }
    for (size_t i = 0; i < some; ++i) Observe(packets[i], passing_[i]);
    if (decoder_.has_more()) ObserveMore(packets[some - 1]);
    packets = packets.subspan(some);
  }
}

// Without memory a packet may lose what it would have told, but everybody
// else's go on: this is caught here and in Observe, and nowhere else in the
// agent.
size_t Observer::DecodeSome(std::span<const platform::Packet> packets) {
  const size_t most = std::min(packets.size(), kPortion);
  for (size_t i = 0; i < most; ++i) {
    Passing& passing = passing_[i];
    passing.out_of_memory = false;
    try {
      passing.decoded = decoder_.Decode(packets[i], &passing.segment);
    } catch (const std::bad_alloc&) {
      passing.decoded = Decoded::kNothing;
      passing.out_of_memory = true;
    }
    if (passing.decoded == Decoded::kSegment) {
      passing.hash = flows_.HashOf(passing.segment);
      flows_.Announce(passing.hash);
    }
    // The bytes of a reassembled datagram are there only until the next.
    // So are the further frames of a packet.
    if (decoder_.reassembled() || decoder_.has_more()) return i + 1;
  }
  return most;
}

void Observer::Observe(const platform::Packet& packet, const Passing& passing) {
  unfinished_ = false;
  ObserverCounters& counters = teller_.counters();
  ++counters.packets;
  counters.bytes += packet.wire_bytes;
  counters.out_of_memory += passing.out_of_memory;
  teller_.Begin(packet);
  try {
    Look(packet, passing);
  } catch (const std::bad_alloc&) {
    ++counters.out_of_memory;
    unfinished_ = false;
  }
}

// The further frames of a packet that was observed.
void Observer::ObserveMore(const platform::Packet& packet) {
  bool unfinished = unfinished_;
  Passing& passing = passing_[0];
  try {
    while (decoder_.has_more()) {
      passing.decoded = decoder_.DecodeMore(packet, &passing.segment);
      if (passing.decoded != Decoded::kSegment) continue;
      passing.hash = flows_.HashOf(passing.segment);
      Look(packet, passing);
      unfinished |= unfinished_;
    }
  } catch (const std::bad_alloc&) {
    ++teller_.counters().out_of_memory;
  }
  unfinished_ = unfinished;
}

void Observer::Look(const platform::Packet& packet, const Passing& passing) {
  flows_.Sweep(packet.time_us);
  switch (passing.decoded) {
    case Decoded::kSegment:
      OnSegment(passing.segment, passing.hash);
      break;
    case Decoded::kNothing:
      break;
    case Decoded::kUndecodable:
      ++teller_.counters().undecodable;
      break;
  }
}

// The ports are used for another connection, or are to be taken as if.
bool Observer::BeginsAnew(const Flow& flow, int side, const Segment& segment) {
  const bool tcp = segment.protocol == kProtocolTcp;
  if (tcp && (segment.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn) {
    const FlowSide& from = flow.sides[side];
    return flow.closing ||
           (from.segments > 0 && from.next_seq != segment.tcp_seq + 1);
  }
  if (!forgotten_) return false;
  const Partial* partial = partials_.Find(flow, side);
  return partial == nullptr || partial->told > 0;
}

void Observer::OnSegment(const Segment& segment, uint32_t hash) {
  const int64_t now_us = teller_.time_us();
  FlowTable::Found found = flows_.Find(segment, hash, now_us);
  const bool tcp = segment.protocol == kProtocolTcp;
  if (found.flow != nullptr && !found.fresh &&
      BeginsAnew(*found.flow, found.side, segment)) {
    // In the middle of a hello the server may think otherwise.
    const Partial* partial = partials_.Find(*found.flow, found.side);
    if (tcp && !found.flow->closing && partial != nullptr && partial->begun()) {
      teller_.Doubt();
    }
    Close(*found.flow);
    flows_.Remove(found.flow);
    found = flows_.Find(segment, hash, now_us);
  }
  if (found.flow == nullptr) {
    OnLooseSegment(segment);
    return;
  }
  Flow& flow = *found.flow;
  const int side = found.side;
  if (IsEcho(flow, side, segment.interface, now_us)) {
    ++teller_.counters().echoes;
    return;
  }
  if (found.fresh) flow.client = GuessClient(flow) & 1;
  const int64_t earlier_us = found.fresh ? now_us : flow.last_us;
  flow.last_us = now_us;
  const uint64_t bytes = uint64_t{segment.ip_bytes} * segment.stands_for;
  flow.bytes[side] += bytes;
  if (flow.sides[side].packets < UINT8_MAX) ++flow.sides[side].packets;
  if (tcp) OnTcp(flow, side, segment);
  // Who answers may be local too: a stub resolver, a server on loopback.
  if (segment.uid != platform::kNoUid && side == flow.client) {
    flow.uid = segment.uid;
  }
  if (found.fresh || IsWorthTelling(flow, now_us)) {
    const bool woken = now_us - earlier_us > kSilentUs;
    NoteTold(flow, now_us, woken);
    teller_.Progress(flow, /*opened=*/found.fresh, /*closed=*/false, earlier_us,
                     side == flow.client ? 0 : bytes);
  }
  Inspect(flow, side, segment);
  const int packets = flow.sides[0].packets + flow.sides[1].packets;
  if (tap_ != nullptr && packets <= FlowTap::kFirstPackets) {
    if (!segment.payload.empty()) {
      tap_->OnPacket(flow, segment, teller_.frame(), now_us);
    }
  } else if (tap_ != nullptr && packets == FlowTap::kFirstPackets + 1) {
    ++teller_.counters().untapped_flows;
  }
  const Partial* partial = partials_.Find(flow, side);
  unfinished_ = partial != nullptr && (tcp ? partial->begun() : !partial->told);
}

void Observer::OnTcp(Flow& flow, int side, const Segment& segment) {
  const uint8_t flags = segment.tcp_flags;
  if ((flags & kTcpSyn) != 0) {
    flow.client = ((flags & kTcpAck) ? side ^ 1 : side) & 1;
    flow.marks |= kMarkSynSeen | kMarkClientSure;
  }
  // Most servers take a byte of it out of the stream.
  if ((flags & kTcpUrgent) != 0 && side == flow.client &&
      !segment.payload.empty()) {
    teller_.Doubt();
  }
  if ((flags & kTcpFin) != 0) flow.sides[side].finished = true;
  if ((flags & kTcpRst) != 0 ||
      (flow.sides[0].finished && flow.sides[1].finished)) {
    flows_.BeginClosing(flow, teller_.time_us());
  }
}

void Observer::Inspect(Flow& flow, int side, const Segment& segment) {
  if (segment.protocol == kProtocolTcp) {
    tcp_.OnSegment(flow, side, segment);
  } else if (segment.protocol == kProtocolUdp) {
    udp_.OnDatagram(flow, side, segment);
  } else {
    teller_.Blame(flow, side, Blind::kVpn);
  }
}

// The table is full: a name that fits into one packet is still found.
void Observer::OnLooseSegment(const Segment& segment) {
  Flow loose{};
  loose.ends[0] = segment.src;
  loose.ends[1] = segment.dst;
  loose.ports[0] = segment.src_port;
  loose.ports[1] = segment.dst_port;
  loose.protocol = segment.protocol;
  loose.uid = segment.uid;
  loose.sides[0].knows_seq = true;
  loose.sides[0].next_seq = segment.tcp_seq;
  // Without memory too, nothing of it stays.
  const LooseEnd end(partials_, loose);
  Inspect(loose, 0, segment);
  unfinished_ = false;
  if (segment.protocol == kProtocolUdp && partials_.Find(loose, 0) != nullptr) {
    teller_.Doubt();
  }
}

// Whoever removes a flow goes on, memory or not.
void Observer::ReadRest(Flow& flow) {
  if (!names_at_end_ || flow.named) return;
  try {
    flow.protocol == kProtocolTcp ? tcp_.ReadRest(flow) : udp_.ReadRest(flow);
  } catch (const std::bad_alloc&) {
    ++teller_.counters().out_of_memory;
  }
}

void Observer::Close(Flow& flow) {
  ReadRest(flow);
  const FlowSide& client = flow.sides[flow.client];
  if (!flow.named && flow.blind == 0 && client.segments > 0 &&
      (IsNamePort(flow.ports[flow.client ^ 1]) ||
       (flow.marks & kMarkNameBearing) != 0)) {
    const bool whole =
        flow.protocol == kProtocolUdp || (flow.marks & kMarkSynSeen) != 0;
    teller_.Blame(flow, flow.client,
                  whole ? Blind::kParseFailure : Blind::kMissedStart);
  }
  if ((flow.marks & kMarkNameBearing) != 0) {
    ++teller_.counters().name_bearing_flows;
  }
  partials_.Release(flow, 0);
  partials_.Release(flow, 1);
  teller_.Progress(flow, /*opened=*/false, /*closed=*/true, flow.last_us, 0);
  if (tap_ != nullptr && (flow.marks & kMarkTapped) != 0) tap_->OnClosed(flow);
}

void Observer::OnExpired(Flow& flow) { Close(flow); }

void Observer::Finish() { flows_.Clear(); }

const ObserverCounters& Observer::counters() {
  ObserverCounters& counters = teller_.counters();
  counters.flows = flows_.opened();
  counters.refused_flows = flows_.refused() + flows_.pushed_out();
  counters.lost_fragments = decoder_.fragments().lost();
  counters.lost_partials = partials_.evicted();
  counters.cut_packets = decoder_.cut_packets();
  return counters;
}

size_t Observer::memory_bytes() const {
  return flows_.max_memory_bytes() + partials_.held_bytes() +
         partials_.live() * sizeof(Partial) +
         decoder_.fragments().waiting() * FragmentTable::kMaxDatagramBytes;
}

}  // namespace schoolgate::agent
