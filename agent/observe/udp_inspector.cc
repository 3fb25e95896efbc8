#include "agent/observe/udp_inspector.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortDns = 53;
constexpr uint16_t kPortNetbiosNames = 137;
constexpr uint16_t kPortNetbiosDatagrams = 138;
constexpr uint16_t kPortMdns = 5353;
constexpr uint16_t kPortLlmnr = 5355;
constexpr uint8_t kClientHello = 1;

bool Uses(const Flow& flow, uint16_t port) {
  return flow.ports[0] == port || flow.ports[1] == port;
}

bool SameId(const Partial& partial, Bytes id) {
  return partial.id_bytes == id.size() &&
         (id.empty() ||
          std::memcmp(partial.id.data(), id.data(), id.size()) == 0);
}

uint32_t HashId(Bytes id) {
  uint32_t hash = 0x811c9dc5;
  for (uint8_t byte : id) hash = (hash ^ byte) * 0x01000193;
  return hash == 0 ? 1 : hash;
}

bool LooksLikeDtls(Bytes datagram) {
  return datagram.size() >= 26 && datagram[0] == 22 && datagram[1] == 0xfe &&
         datagram[2] >= 0xfc && datagram[13] == kClientHello;
}

// The relative of TLCP (GB/T 38636), which a DNS message might look like.
bool LooksLikeTlcp(Bytes datagram) {
  return datagram.size() >= 26 && datagram[0] == 22 && datagram[1] == 1 &&
         datagram[2] == 0 && datagram[13] == kClientHello;
}

uint32_t LittleU32(const uint8_t* at) {
  return at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 |
         uint32_t{at[3]} << 24;
}

enum class Chlo { kName, kNoName, kNeedMore };

// The name in a hello of Google's own handshake: a table of tags with the ends
// of their values, then the values.
Chlo FindGoogleName(Bytes chlo, Bytes* name) {
  constexpr size_t kHead = 8;
  if (chlo.size() < kHead) return Chlo::kNeedMore;
  const size_t tags = chlo[4] | size_t{chlo[5]} << 8;
  const size_t values = kHead + tags * 8;
  if (values > chlo.size()) return Chlo::kNeedMore;
  size_t begin = 0;
  for (size_t i = 0; i < tags; ++i) {
    const uint8_t* tag = chlo.data() + kHead + i * 8;
    const size_t end = LittleU32(tag + 4);
    if (end < begin) return Chlo::kNoName;
    if (std::memcmp(tag, "SNI\0", 4) == 0) {
      if (end > chlo.size() - values) return Chlo::kNeedMore;
      *name = chlo.subspan(values + begin, end - begin);
      return Chlo::kName;
    }
    begin = end;
  }
  return Chlo::kNoName;
}

}  // namespace

void UdpInspector::OnDatagram(Flow& flow, int side, const Segment& segment) {
  const Bytes datagram = segment.payload;
  if (datagram.empty()) return;
  FlowSide& from = flow.sides[side];
  const bool curious =
      from.segments < kCuriousDatagrams || (flow.marks & kMarkDns) != 0;
  if (from.segments < UINT8_MAX) ++from.segments;

  // Whatever its ports: no question has the bytes of these.
  if (LooksLikeQuic(datagram)) {
    OnQuic(flow, side, datagram);
  } else if (keep_hellos_ && MayBeGlued(datagram) &&
             !FindInitial(datagram).empty()) {
    OnGlued(flow, side, FindInitial(datagram));
  } else if (LooksLikeDtls(datagram)) {
    OnDtls(flow, side, datagram);
  } else if (Uses(flow, kPortDns)) {
    teller_.Dns(NameSource::kDns, Transport::kUdp, segment, flow.id, datagram);
  } else if (Uses(flow, kPortMdns)) {
    teller_.Dns(NameSource::kMdns, Transport::kUdp, segment, flow.id, datagram);
  } else if (Uses(flow, kPortLlmnr)) {
    teller_.Dns(NameSource::kLlmnr, Transport::kUdp, segment, flow.id,
                datagram);
  } else if (LooksLikeTlcp(datagram)) {
    OnDtls(flow, side, datagram);
  } else if (curious && !Uses(flow, kPortNetbiosNames) &&
             !Uses(flow, kPortNetbiosDatagrams)) {
    if (OnGoogleQuic(flow, side, datagram)) return;
    if (IsUnmistakableQuery(datagram)) {
      flow.marks |= kMarkDns;
      teller_.Dns(NameSource::kDns, Transport::kUdp, segment, flow.id,
                  datagram);
    } else if (LooksLikeVpn(datagram, segment.src_port, segment.dst_port)) {
      teller_.Blame(flow, side, Blind::kVpn);
    } else if (HasLongId(datagram)) {
      ++teller_.counters().long_ids;
    }
  } else if (!curious) {
    ++teller_.counters().unread_datagrams;
  }
}

void UdpInspector::OnQuic(Flow& flow, int side, Bytes datagram) {
  flow.marks |= kMarkNameBearing;
  if (HasLongId(datagram)) ++teller_.counters().long_ids;
  if (MayBeGlued(datagram)) return OnGlued(flow, side, datagram);
  QuicPacket packet;
  while (!datagram.empty() && ReadQuicPacket(datagram, &packet)) {
    if (packet.type == QuicType::kInitial) OnInitial(flow, side, packet);
    datagram = datagram.subspan(packet.bytes.size());
  }
}

// Nothing says where the next datagram begins: it may be behind bytes that are
// in no packet (Firefox pads so), or in what a packet claims to be its own.
// Only a packet that opens is believed about its size.
void UdpInspector::OnGlued(Flow& flow, int side, Bytes datagrams) {
  flow.marks |= kMarkNameBearing;
  QuicPacket packet;
  for (uint32_t tried = 0; !datagrams.empty(); ++tried) {
    if (tried == kMaxGlued) {
      ++teller_.counters().untried_keys;
      teller_.Doubt();
      return;
    }
    const bool opened =
        LooksLikeQuic(datagrams) && ReadQuicPacket(datagrams, &packet) &&
        packet.type == QuicType::kInitial && OnInitial(flow, side, packet);
    datagrams = datagrams.subspan(opened ? packet.bytes.size() : 1);
    if (!opened || !LooksLikeQuic(datagrams))
      datagrams = FindInitial(datagrams);
  }
}

Partial* UdpInspector::NewConnection(Flow& flow, int side,
                                     const QuicPacket& packet,
                                     const QuicKeys& keys) {
  if (const Partial* before = partials_.Find(flow, side)) {
    // A server that asks for a Retry forgets the hello.
    const bool retried = packet.has_token && !before->has_token;
    if (before->told == 0 && !retried) teller_.Doubt();
  }
  flow.sides[side].looked_at = 0;
  partials_.Release(flow, side);
  Partial* partial = partials_.Make(flow, side);
  partial->has_token = packet.has_token;
  partial->keys = keys;
  partial->version = packet.version;
  partial->id_bytes = static_cast<uint8_t>(packet.destination.size());
  std::copy(packet.destination.begin(), packet.destination.end(),
            partial->id.begin());
  return partial;
}

bool UdpInspector::MayTry(FlowSide& from) {
  if (from.looked_at < kMaxKeyTrials) {
    ++from.looked_at;
    return true;
  }
  ++teller_.counters().untried_keys;
  teller_.Doubt();
  return false;
}

// A connection that began in another version goes on in the one that the server
// prefers: with the keys of that version, from the id it began with (RFC 9369,
// 4.1).
Bytes UdpInspector::OpenOfOtherVersion(FlowSide& from, Partial& partial,
                                       const QuicPacket& packet) {
  if (packet.version == partial.version || !MayTry(from)) return {};
  const Bytes first_id = Bytes(partial.id).first(partial.id_bytes);
  for (const QuicProfile* profile : ProfilesFor(packet.version)) {
    const QuicKeys keys = opener_.ClientKeys(*profile, first_id);
    const Bytes frames = opener_.Open(keys, packet);
    if (frames.empty()) continue;
    partial.keys = keys;
    partial.version = packet.version;
    from.looked_at = 0;
    return frames;
  }
  return {};
}

// The frames, when this is a client's Initial that can be opened: with the
// keys of the connection known here, or with those of its own destination id
// (a new connection, or the one after a Retry).
Bytes UdpInspector::OpenInitial(Flow& flow, int side,
                                const QuicPacket& packet) {
  FlowSide& from = flow.sides[side];
  if (Partial* partial = partials_.Find(flow, side)) {
    const Bytes frames = opener_.Open(partial->keys, packet);
    if (!frames.empty()) return frames;
    const Bytes switched = OpenOfOtherVersion(from, *partial, packet);
    if (!switched.empty()) return switched;
    if (SameId(*partial, packet.destination)) return {};
  }
  // What the server says, and the client after its hello, goes to ids that no
  // keys are made of.
  const uint32_t id = HashId(packet.destination);
  const bool expected = flow.named || side != flow.client;
  if (expected && from.next_seq == id && !keep_hellos_) return {};
  if (!MayTry(from)) return {};
  from.next_seq = id;
  for (const QuicProfile* profile : ProfilesFor(packet.version)) {
    const QuicKeys keys = opener_.ClientKeys(*profile, packet.destination);
    const Bytes frames = opener_.Open(keys, packet);
    if (frames.empty()) continue;
    NewConnection(flow, side, packet, keys);
    return frames;
  }
  return {};
}

// Whether it could be opened.
bool UdpInspector::OnInitial(Flow& flow, int side, const QuicPacket& packet) {
  // What a crowd has pushed out can be judged no more.
  if (partials_.HasLost(flow, side)) teller_.Doubt();
  const Bytes frames = OpenInitial(flow, side, packet);
  if (frames.empty()) return false;
  Partial* partial = partials_.Find(flow, side);
  if (partial == nullptr) return true;
  const Collected collected = CollectCrypto(frames, &partial->bytes);
  if (collected == Collected::kBroken) ++teller_.counters().malformed;
  if (collected != Collected::kTaken) teller_.Doubt();
  partials_.Charge(*partial);
  TryCrypto(flow, side, *partial);
  return true;
}

void UdpInspector::TryCrypto(Flow& flow, int side, Partial& partial) {
  const Bytes run = partial.bytes.From(partial.told);
  if (run.size() < 4) return;
  if (AsText(run).starts_with("CHLO")) {
    TryGoogleHello(flow, side, partial, run);
    return;
  }
  const size_t length = LoadU32(run.data()) & 0xffffff;
  if (run[0] != kClientHello || length > kMaxHelloBytes) {
    ++teller_.counters().oversized;
    teller_.Doubt();
    partials_.Release(flow, side);
    return;
  }
  if (run.size() - 4 < length) return;
  ClientHello hello;
  if (ParseClientHello(run.subspan(4, length), /*datagram=*/false, &hello)) {
    teller_.Hello(NameSource::kQuic, flow, side, hello);
  } else {
    ++teller_.counters().malformed;
    teller_.Doubt();
    teller_.Blame(flow, side, Blind::kParseFailure);
  }
  Told(flow, side, partial, 4 + length);
}

void UdpInspector::Told(Flow& flow, int side, Partial& partial, size_t bytes) {
  if (!keep_hellos_) return partials_.Release(flow, side);
  partial.told += static_cast<uint32_t>(bytes);
}

void UdpInspector::ReadRest(Flow& flow) {
  for (const int side : {0, 1}) {
    const Partial* partial = partials_.Find(flow, side);
    if (partial == nullptr) continue;
    ClientHello hello;
    if (ParseCutHello(partial->bytes.From(partial->told), &hello)) {
      teller_.Hello(NameSource::kQuic, flow, side, hello);
    }
  }
}

// Google's handshake inside Initials, as version Q050 has it.
void UdpInspector::TryGoogleHello(Flow& flow, int side, Partial& partial,
                                  Bytes chlo) {
  ClientHello hello;
  const Chlo result = FindGoogleName(chlo, &hello.names[0]);
  if (result == Chlo::kNeedMore) return;
  teller_.Hello(NameSource::kQuic, flow, side, hello);
  Told(flow, side, partial, chlo.size());
}

void UdpInspector::OnDtls(Flow& flow, int side, Bytes datagram) {
  flow.marks |= kMarkNameBearing;
  ByteReader records(datagram);
  while (records.left() >= 13) {
    const uint8_t type = records.U8();
    records.Skip(10);
    ByteReader record(records.Take(records.U16()));
    if (!records.ok() || type != 22) return;
    while (record.left() >= 12) {
      const uint8_t message = record.Peek();
      ByteReader header(record.rest());
      header.Skip(9);
      const size_t whole = 12 + size_t{header.U24()};
      if (whole > record.left()) return;
      const Bytes fragment = record.Take(whole);
      if (message == kClientHello) {
        OnDtlsFragment(flow, side, ByteReader(fragment));
      }
    }
  }
}

void UdpInspector::OnDtlsFragment(Flow& flow, int side, ByteReader message) {
  message.Skip(1);
  const size_t length = message.U24();
  const uint16_t number = message.U16();
  const size_t offset = message.U24();
  message.Skip(3);
  Bytes body = message.rest();
  if (length > kMaxHelloBytes) {
    ++teller_.counters().oversized;
    return;
  }
  if (body.size() < length) {
    Partial* partial = partials_.Find(flow, side);
    if (partial != nullptr && partial->version != number) {
      partials_.Release(flow, side);
      partial = nullptr;
    }
    if (partial == nullptr) partial = partials_.Make(flow, side);
    partial->version = number;
    if (!partial->bytes.Insert(offset, body)) ++teller_.counters().oversized;
    partials_.Charge(*partial);
    body = partial->bytes.From(0);
    if (body.size() < length) return;
  }
  ClientHello hello;
  if (ParseClientHello(body.first(length), /*datagram=*/true, &hello)) {
    teller_.Hello(NameSource::kTls, flow, side, hello);
  } else {
    ++teller_.counters().malformed;
  }
  partials_.Release(flow, side);
}

// Google's QUIC before the IETF's, versions Q0xx: a table of tags in plain
// sight. True when the datagram is one.
bool UdpInspector::OnGoogleQuic(Flow& flow, int side, Bytes datagram) {
  if (datagram.size() < 64) return false;
  const bool old = datagram[9] == 'Q' && datagram[10] == '0';
  const bool late = datagram[1] == 'Q' && datagram[2] == '0';
  if (!old && !late) return false;
  constexpr uint8_t kChlo[] = {'C', 'H', 'L', 'O'};
  const Bytes head = datagram.first(std::min<size_t>(datagram.size(), 96));
  const auto found =
      std::search(head.begin(), head.end(), std::begin(kChlo), std::end(kChlo));
  if (found == head.end()) return true;
  flow.marks |= kMarkNameBearing;
  ClientHello hello;
  if (FindGoogleName(
          datagram.subspan(static_cast<size_t>(found - head.begin())),
          &hello.names[0]) == Chlo::kName) {
    teller_.Hello(NameSource::kQuic, flow, side, hello);
  }
  return true;
}

}  // namespace schoolgate::agent
