#include "agent/observe/teller.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortDot = 853;
// Sets names of one hello apart by their order.
constexpr uint32_t kAnother = 0x9e3779b1;

Endpoint End(const Flow& flow, int side) {
  return {flow.ends[side], flow.ports[side]};
}

Transport TransportOf(const Flow& flow) {
  return flow.protocol == kProtocolTcp ? Transport::kTcp : Transport::kUdp;
}

}  // namespace

Teller::Teller(ObservationSink& sink, uint64_t hash_seed)
    : sink_(sink), key_{hash_seed, ~hash_seed} {}

uint64_t ObserverCounters::all_names() const {
  return std::accumulate(names.begin(), names.end(), uint64_t{0});
}

uint64_t ObserverCounters::blind_flows() const {
  return std::accumulate(blind.begin(), blind.end(), uint64_t{0});
}

void Teller::LearnAnswers(DnsMessage& message) {
  if (message.header().answers > DnsMessage::kMaxEntries) {
    ++counters_.unread_answers;
  }
  while (message.NextQuestion(&question_)) {
  }
  DnsRecord record;
  while (message.NextAnswer(&record)) {
    Address address{};
    if (record.type == kTypeA && record.body.size() == 4) {
      address[10] = address[11] = 0xff;
      std::memcpy(address.data() + 12, record.body.data(), 4);
      counters_.forgotten_answers += resolved_.Add(address);
    } else if (record.type == kTypeAaaa && record.body.size() == 16) {
      std::memcpy(address.data(), record.body.data(), 16);
      counters_.forgotten_answers += resolved_.Add(address);
    } else if (record.type == kTypeHttps || record.type == kTypeSvcb) {
      const Bytes cover = EchPublicName(record.body);
      if (cover.empty()) continue;
      text_.SetHost(cover);
      counters_.forgotten_answers += covers_.Add(text_.view());
    }
  }
}

void Teller::Dns(NameSource source, Transport transport, const Segment& segment,
                 uint64_t flow, Bytes bytes) {
  DnsMessage message(bytes);
  if (!message.malformed() && message.header().response()) {
    LearnAnswers(message);
    return;
  }
  Observation told;
  told.time_us = time_us_;
  told.frame = frame_;
  told.source = source;
  told.transport = transport;
  told.src = {segment.src, segment.src_port};
  told.dst = {segment.dst, segment.dst_port};
  told.uid = segment.uid;
  told.flow = flow;
  while (message.NextQuestion(&question_)) {
    told.qtype = question_.type;
    told.name = question_.name.view();
    ++counters_.names[static_cast<size_t>(source)];
    sink_.OnName(told);
  }
  if (message.malformed()) ++counters_.malformed;
}

uint32_t Teller::HashOf(std::string_view bytes) const {
  uint64_t hash = 0;
  static_assert(sizeof(hash) == crypto_shorthash_BYTES);
  static_assert(sizeof(key_) == crypto_shorthash_KEYBYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(bytes.data()),
                   bytes.size(),
                   reinterpret_cast<const unsigned char*>(key_.data()));
  const auto bits = static_cast<uint32_t>(hash);
  return bits == 0 ? 1 : bits;
}

void Teller::ReadAlpn(Bytes list) {
  alpn_.clear();
  ByteReader reader(list);
  while (reader.left() > 0 && alpn_.size() < kMaxAlpn) {
    const Bytes name = reader.Take(reader.U8());
    if (!reader.ok()) break;
    alpn_.push_back(AsText(name));
  }
  if (reader.left() > 0) ++counters_.unread_alpn;
}

void Teller::Tell(NameSource source, Flow& flow, int side, bool ech,
                  std::string_view name) {
  flow.named = true;
  const uint32_t hash = HashOf(name);
  // A hello says more than the request to a proxy in front of it.
  const bool by_request = source == NameSource::kHttp;
  const bool asked_for = (flow.marks & kMarkAskedFor) != 0;
  if (flow.name_hash == hash && (by_request || !asked_for)) return;
  flow.name_hash = hash;
  flow.marks &= static_cast<uint8_t>(~kMarkAskedFor);
  if (by_request) flow.marks |= kMarkAskedFor;
  Observation told;
  told.time_us = time_us_;
  told.frame = frame_;
  told.source = source;
  told.transport = TransportOf(flow);
  told.ech = ech;
  told.name = name;
  told.src = End(flow, side);
  told.dst = End(flow, side ^ 1);
  told.unresolved =
      !resolved_.empty() && !resolved_.Contains(flow.ends[side ^ 1]);
  told.alpn = alpn_;
  told.uid = flow.uid;
  told.flow = flow.id;
  ++counters_.names[static_cast<size_t>(source)];
  sink_.OnName(told);
}

void Teller::Judge(NameSource source, Flow& flow, int side,
                   const ClientHello& hello, std::string_view name) {
  const uint16_t port = flow.ports[side ^ 1];
  const Address& server = flow.ends[side ^ 1];
  const auto speaks = [&](std::string_view protocol) {
    return std::find(alpn_.begin(), alpn_.end(), protocol) != alpn_.end();
  };
  if (source == NameSource::kQuic && (speaks("doq") || port == kPortDot)) {
    Blame(flow, side, Blind::kDoq, name);
  } else if (speaks("dot") || port == kPortDot) {
    Blame(flow, side, Blind::kDot, name);
  } else if (IsPublicResolver(name) ||
             (name.empty() && IsPublicResolver(server))) {
    Blame(flow, side, Blind::kDoh, name);
  } else if (hello.encrypted && (IsEchCover(name) || covers_.Contains(name))) {
    Blame(flow, side, Blind::kEch, name);
  } else if (LooksLikeTor(name, port) && !resolved_.Contains(server)) {
    Blame(flow, side, Blind::kTor, name);
  } else if (IsAddressLiteral(name)) {
    Blame(flow, side, Blind::kDirectAddress, name);
  } else if (name.empty()) {
    const bool direct = !resolved_.empty() && !resolved_.Contains(server);
    Blame(flow, side, direct ? Blind::kDirectAddress : Blind::kNoSni);
  }
}

void Teller::SetName(Bytes host) {
  text_.SetHost(host);
  counters_.cut_names += text_.cut();
}

void Teller::Hello(NameSource source, Flow& flow, int side,
                   const ClientHello& hello) {
  if ((flow.marks & kMarkClientSure) == 0) {
    flow.client = side & 1;
    flow.marks |= kMarkClientSure;
  }
  flow.marks |= kMarkNameBearing;
  ReadAlpn(hello.alpn);
  SetName(hello.server_name());
  Judge(source, flow, side, hello, text_.view());
  const auto tell = [&](const NameText& name) {
    if (name.view().empty()) return;
    Tell(source, flow, side, hello.encrypted, name.view());
  };
  if (hello.unread_names) {
    ++counters_.oversized;
    Doubt();
  }
  if (hello.name_count < 2) {
    tell(text_);
    return;
  }
  // The same hello may come again: a flow remembers its names as one.
  uint32_t all = 0;
  bool differ = false;
  NameText name;
  for (const Bytes host : hello.server_names()) {
    name.SetHost(host);
    differ |= name.view() != text_.view();
    all = all * kAnother ^ HashOf(name.view());
  }
  if (flow.name_hash == all) return;
  for (const Bytes host : hello.server_names()) {
    name.SetHost(host);
    counters_.cut_names += name.cut();
    tell(name);
  }
  if (differ) flow.name_hash = all;
}

void Teller::Http(Flow& flow, int side, Bytes host) {
  flow.marks |= kMarkNameBearing;
  SetName(host);
  if (text_.view().empty()) {
    Blame(flow, side, Blind::kNoSni);
    return;
  }
  if (IsAddressLiteral(text_.view())) {
    Blame(flow, side, Blind::kDirectAddress, text_.view());
  }
  alpn_.clear();
  Tell(NameSource::kHttp, flow, side, false, text_.view());
}

void Teller::Blame(Flow& flow, int side, Blind cause, std::string_view name) {
  if (flow.blind != 0) return;
  flow.blind = static_cast<uint8_t>(cause);
  flow.marks |= kMarkNameBearing;
  ++counters_.blind[static_cast<size_t>(cause)];
  Observation told;
  told.time_us = time_us_;
  told.frame = frame_;
  told.source = NameSource::kFlow;
  told.transport = TransportOf(flow);
  told.name = name;
  told.src = End(flow, side);
  told.dst = End(flow, side ^ 1);
  told.uid = flow.uid;
  told.flow = flow.id;
  sink_.OnBlind(cause, told);
}

void Teller::Progress(const Flow& flow, bool opened, bool closed,
                      int64_t earlier_us, uint64_t received) {
  FlowProgress told;
  told.time_us = time_us_;
  told.flow = flow.id;
  told.transport = TransportOf(flow);
  told.client = End(flow, flow.client);
  told.server = End(flow, flow.client ^ 1);
  told.sent_bytes = flow.bytes[flow.client];
  told.received_bytes = flow.bytes[flow.client ^ 1];
  told.opened = opened;
  told.closed = closed;
  told.uid = flow.uid;
  told.packet_bytes = packet_bytes_;
  told.packet_received = received;
  told.earlier_us = earlier_us;
  sink_.OnFlow(told);
}

}  // namespace schoolgate::agent
