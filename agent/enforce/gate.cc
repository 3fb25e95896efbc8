#include "agent/enforce/gate.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "agent/enforce/kernel_table.h"
#include "agent/enforce/quic_answer.h"
#include "agent/enforce/restricted_question.h"
#include "agent/observe/name_text.h"
#include "agent/observe/quic_initial.h"
#include "platform/virtual_port.h"

namespace schoolgate::agent {
namespace {

constexpr int kRawIp = 12;  // DLT_RAW on Linux
constexpr uint16_t kDnsPort = 53;
constexpr uint16_t kMdnsPort = 5353;
constexpr uint16_t kLlmnrPort = 5355;
constexpr char kBypass[] = "bypass";

// Names by which browsers and systems ask whether they may hide the names that
// they look up; "no such name" means no. Nobody's doing, so nobody is told.
constexpr std::array<std::string_view, 5> kCanaries = {
    "use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com",
    "dns-tunnel-check.googlezip.net", "_dns.resolver.arpa"};

bool IsCanary(std::string_view name) {
  return std::find(kCanaries.begin(), kCanaries.end(), name) != kCanaries.end();
}

// Our own look at the flows ends with their first packets: what is remembered
// of them may be forgotten early, and a flood must neither fill memory nor hide
// a hello. What a flow names is what is held of it now.
ObserverLimits GateLimits() {
  ObserverLimits limits;
  limits.names_at_end = false;
  limits.keep_hellos = true;
  limits.flows.max_flows = 1u << 15;
  limits.flows.push_out = true;
  limits.flows.tcp_idle_us = 120'000'000;
  return limits;
}

Endpoint EndOf(std::span<const uint8_t> address, uint16_t port) {
  Endpoint end{.address = {}, .port = port};
  if (address.size() == 4) end.address[10] = end.address[11] = 0xff;
  std::copy(address.begin(), address.end(),
            end.address.end() - static_cast<ptrdiff_t>(address.size()));
  return end;
}

// To many at once: what is asked on this network is of this network.
bool IsToMany(const Endpoint& end) {
  const auto& bytes = end.address;
  constexpr std::array<uint8_t, 12> kV4 = {0, 0, 0, 0, 0,    0,
                                           0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kV4.begin(), kV4.end(), bytes.begin())) {
    return bytes[0] == 0xff;
  }
  return bytes[12] >= 224;
}

// Resolvers answer on the ports of mDNS and LLMNR, too (OpenDNS does).
bool IsOfDns(const Observation& observation) {
  const NameSource source = observation.source;
  return source == NameSource::kDns ||
         ((source == NameSource::kMdns || source == NameSource::kLlmnr) &&
          !IsToMany(observation.dst));
}

// Of a packet of which only the addresses can be read.
FlowEnds EndsWithoutPorts(std::span<const uint8_t> packet) {
  constexpr size_t kV4At = 12;
  constexpr size_t kV6At = 8;
  const bool v6 = !packet.empty() && packet[0] >> 4 == 6;
  const size_t at = v6 ? kV6At : kV4At;
  const size_t size = v6 ? 16 : 4;
  if (packet.size() < at + 2 * size) {
    return FlowEnds(Transport::kUdp, Endpoint(), Endpoint());
  }
  return {Transport::kUdp, EndOf(packet.subspan(at, size), 0),
          EndOf(packet.subspan(at + size, size), 0)};
}

// On ports other than 53 the flow's next questions are brought here, too.
uint32_t MarkOfDns(const HeldPacket& packet) {
  return packet.destination_port == kDnsPort ? 0 : kMarkWatch;
}

}  // namespace

Gate::Gate(platform::PacketGate& packets, platform::PacketSender* sender,
           Watch& watch)
    : packets_(packets),
      watch_(watch),
      refusal_(sender),
      observer_(GateLimits(), *this) {}

void Gate::Serve(int64_t now_us) {
  LetOverdueGo(now_us);
  platform::HeldByKernel held;
  for (int taken = 0; taken < kPacketsATurn || packets_.buffered(); ++taken) {
    if (taken > 0 && packets_.drained()) break;
    if (!packets_.Take(absl::ZeroDuration(), &held)) break;
    Judge(held, now_us);
    if (!packets_.buffered()) Conclude();
  }
  Conclude();
}

void Gate::Conclude() {
  packets_.Flush();
  watch_.Conclude();
}

BlockAnswer Gate::AnswerToBlocked() const {
  const auto& rules = watch_.verdicts().rules();
  const bool zero =
      rules != nullptr && rules->policy().blocked_answer() == "zero-address";
  return zero ? BlockAnswer::kZeroAddress : BlockAnswer::kNoSuchName;
}

void Gate::OnName(const Observation& observation) {
  found_.named = true;
  if (IsOfDns(observation)) return OnDnsName(observation);
  found_.http |= observation.source == NameSource::kHttp;
  const rules::Decision& decision =
      watch_.Judge(observation, /*enforced=*/true);
  if (decision.action == rules::Action::kBlock) {
    return Refuse(observation, decision);
  }
  if (live_flows_ != nullptr) {
    live_flows_->Remember(observation, watch_.judged_who(), decision);
  }
  const PortalAllowance* portal = watch_.verdicts().portal();
  if (portal != nullptr && observation.source == NameSource::kHttp &&
      portal->Follows(observation.name, watch_.verdicts().boot_us())) {
    found_.followed = std::string(observation.name);
  }
}

void Gate::OnDnsName(const Observation& observation) {
  found_.dns = true;
  const auto answer = [&](BlockAnswer kind) {
    found_.answered.push_back({.name = std::string(observation.name),
                               .type = observation.qtype,
                               .kind = kind});
  };
  if (IsCanary(observation.name)) return answer(BlockAnswer::kNoSuchName);
  const rules::Decision& decision =
      watch_.Judge(observation, /*enforced=*/true);
  if (decision.action == rules::Action::kBlock) {
    Refuse(observation, decision);
    return answer(AnswerToBlocked());
  }
  // An HTTPS record would let the browser hide the name from us (ECH); without
  // one it says the name in the clear (RFC 9460).
  if (observation.qtype == kTypeHttps) return answer(BlockAnswer::kNoData);
  const bool address =
      observation.qtype == kTypeA || observation.qtype == kTypeAaaa;
  if (!address) return;
  found_.restricted = watch_.RestrictedName(observation);
  // Over TCP a question cannot be changed on its way.
  if (!found_.restricted.empty() && observation.transport == Transport::kTcp) {
    answer(BlockAnswer::kNoData);
  }
}

void Gate::OnBlind(Blind cause, const Observation& flow) {
  const bool bypass = cause == Blind::kDoh || cause == Blind::kDot ||
                      cause == Blind::kDoq || cause == Blind::kVpn ||
                      cause == Blind::kTor || cause == Blind::kEch;
  if (!bypass) return;
  Observation told = flow;
  const std::string address = AddressText(flow.dst.address);
  if (told.name.empty()) told.name = address;
  const rules::Decision& decision = watch_.JudgeKind(told, kBypass);
  if (decision.action == rules::Action::kBlock) Refuse(told, decision);
}

void Gate::Refuse(const Observation& observation,
                  const rules::Decision& decision) {
  if (found_.block) return;
  found_.block = true;
  found_.refused = observation;
  found_.refused_name = std::string(observation.name);
  found_.decision = decision;
}

void Gate::Observe(const platform::HeldByKernel& held, int64_t now_us) {
  found_.named = found_.block = found_.dns = found_.http = false;
  found_.answered.clear();
  found_.restricted = {};
  found_.followed.clear();
  ObserveBytes(held.bytes, held.uid, now_us);
}

void Gate::ObserveBytes(std::span<const uint8_t> bytes, uint32_t uid,
                        int64_t now_us) {
  platform::Packet seen;
  seen.time_us = now_us;
  seen.frame = ++frames_;
  seen.bytes = bytes;
  seen.wire_bytes = static_cast<uint32_t>(bytes.size());
  seen.link_type = kRawIp;
  seen.uid = uid;
  seen.direction = platform::Direction::kOut;
  seen.as_sent = true;
  observer_.OnPacket(seen);
}

void Gate::Judge(const platform::HeldByKernel& taken, int64_t now_us) {
  ++counters_.held;
  // From one container to another, over a bridge of this machine.
  if (taken.bridged_to != 0 && platform::IsVirtualPort(taken.bridged_to)) {
    return Pass(taken, kMarkPass);
  }
  const auto packet = ParseHeld(taken.bytes);
  if (packet && taken.at == platform::HeldAt::kInput) {
    return JudgeReply(taken, *packet, now_us);
  }
  platform::HeldByKernel held = taken;
  if (packet && packet->protocol == kProtocolTcp) {
    if ((packet->tcp_flags & kTcpSyn) != 0) {
      return JudgeOpening(held, *packet, now_us);
    }
    held.mark &= ~kMarkWatch;
    const FlowEnds ends = EndsOf(*packet);
    if ((taken.mark & kMarkWatch) != 0 &&
        !FlowOf(ends, now_us).BeginsWith(packet->sequence)) {
      Begin(ends, now_us);
      ObserveBytes(TcpOpening(*packet), held.uid, now_us);
    }
  }
  // What was judged of a flow is forgotten earlier than that it was named.
  const bool told_once = !packet || packet->protocol == kProtocolTcp ||
                         LooksLikeQuic(packet->payload);
  const FlowEnds ends = packet ? EndsOf(*packet) : EndsWithoutPorts(held.bytes);
  observer_.SetForgotten(told_once && flows_.Find(ends, now_us) == nullptr);
  Observe(held, now_us);
  if (!packet) {
    JudgeWithoutPorts(held, ends, now_us);
  } else if (packet->protocol == kProtocolTcp) {
    JudgeTcp(held, *packet, now_us);
  } else if (found_.dns || (IsToNameServer(*packet) && !found_.named &&
                            !LooksLikeQuic(packet->payload))) {
    JudgeDns(held, *packet, now_us);
  } else {
    JudgeDatagram(held, *packet, now_us);
  }
}

const Gate::Answered* Gate::AnswerOf(std::span<const uint8_t> query) const {
  DnsMessage message(query);
  DnsQuestion question;
  if (!message.NextQuestion(&question)) return nullptr;
  for (const Answered& answered : found_.answered) {
    if (answered.type == question.type &&
        answered.name == question.name.view()) {
      return &answered;
    }
  }
  return nullptr;
}

void Gate::JudgeDns(const platform::HeldByKernel& held,
                    const HeldPacket& packet, int64_t now_us) {
  // Several datagrams glued together hide all but the first from us.
  if (held.segmented) {
    ++counters_.blocked;
    packets_.Drop(held.id);
    return;
  }
  const uint32_t watch = MarkOfDns(packet);
  if (!found_.answered.empty()) {
    if (found_.block) ++counters_.blocked;
    const Answered* answered = AnswerOf(packet.payload);
    std::vector<uint8_t> answer;
    if (answered != nullptr) {
      answer = AnswerBlocked(packet.payload, answered->kind);
    }
    if (answer.empty()) return packets_.Drop(held.id);
    return Reply(held, packet, answer);
  }
  if (found_.restricted.empty()) return Pass(held, watch);
  const std::vector<uint8_t> instead =
      AskInstead(packet.payload, found_.restricted);
  if (instead.empty()) return packets_.Drop(held.id);
  ++counters_.restricted;
  NoteAsker(packet.source, packet.source_port, LoadU16(packet.payload.data()));
  asked_.Put(key_,
             {.query = {packet.payload.begin(), packet.payload.end()},
              .instead = std::string(found_.restricted)},
             now_us);
  packets_.Replace(held.id, held.mark | kMarkWatch,
                   UdpInstead(packet, instead));
}

void Gate::JudgeReply(const platform::HeldByKernel& held,
                      const HeldPacket& packet, int64_t now_us) {
  constexpr size_t kHeader = 12;
  if (packet.protocol == kProtocolTcp) JudgeHttpReply(packet, now_us);
  if (packet.protocol != kProtocolUdp || packet.payload.size() < kHeader) {
    return Pass(held, 0);
  }
  NoteAsker(packet.destination, packet.destination_port,
            LoadU16(packet.payload.data()));
  const Asked* asked = asked_.Find(key_, now_us);
  if (asked == nullptr) return Pass(held, 0);
  const std::vector<uint8_t> answer =
      AnswerInstead(asked->query, asked->instead, packet.payload);
  if (answer.empty()) return Pass(held, 0);
  packets_.Replace(held.id, held.mark, UdpInstead(packet, answer));
}

void Gate::Reply(const platform::HeldByKernel& held, const HeldPacket& packet,
                 std::span<const uint8_t> payload) {
  const std::vector<uint8_t> reply = UdpReply(packet, payload);
  if (held.at == platform::HeldAt::kOutput) {
    packets_.Replace(held.id, held.mark, reply);
    return;
  }
  // What passes through is past its routing: the answer starts on its own.
  if (!refusal_.SendOne(reply)) ++counters_.unanswered;
  packets_.Drop(held.id);
}

// Tunnels without ports (ESP, GRE) are judged by their kind, which is told at
// the first packet only.
void Gate::JudgeWithoutPorts(const platform::HeldByKernel& held,
                             const FlowEnds& ends, int64_t now_us) {
  Flow& flow = FlowOf(ends, now_us);
  flow.blocked |= found_.block;
  if (flow.blocked) {
    ++counters_.blocked;
    return packets_.Drop(held.id);
  }
  ++counters_.undecidable;
  Pass(held, 0);
}

void Gate::JudgeDatagram(const platform::HeldByKernel& held,
                         const HeldPacket& packet, int64_t now_us) {
  const bool quic = LooksLikeQuic(packet.payload);
  const FlowEnds ends = EndsOf(packet);
  Flow& flow = FlowOf(ends, now_us);
  if (found_.block) flow.blocked = true;
  if (found_.named && !found_.block) flow.blocked = false;
  if (!flow.blocked && !observer_.doubtful()) {
    if (HoldBack(held, ends, flow, now_us)) return;
    GoOn(ends);
    const bool done = found_.named || (!quic && !observer_.unfinished());
    // Questions may follow.
    if (IsToNameServer(packet)) return Pass(held, MarkOfDns(packet));
    return Pass(held, done ? kMarkPass : 0);
  }
  DropHeldBack(ends);
  ++counters_.blocked;
  if (!quic) {
    packets_.Accept(held.id, held.mark | kMarkBlock);
    return;
  }
  const std::vector<uint8_t> answer = RefuseQuic(packet.payload);
  if (answer.empty()) return packets_.Drop(held.id);
  if (!held.segmented) return Reply(held, packet, answer);
  // The kernel loses a glued packet that is rewritten.
  if (!refusal_.SendOne(UdpReply(packet, answer))) ++counters_.unanswered;
  packets_.Drop(held.id);
}

FlowEnds Gate::EndsOf(const HeldPacket& packet) {
  return {packet.protocol == kProtocolTcp ? Transport::kTcp : Transport::kUdp,
          EndOf(packet.source, packet.source_port),
          EndOf(packet.destination, packet.destination_port)};
}

bool Gate::IsToNameServer(const HeldPacket& packet) {
  const uint16_t port = packet.destination_port;
  return port == kDnsPort || ((port == kMdnsPort || port == kLlmnrPort) &&
                              !IsToMany(EndOf(packet.destination, port)));
}

// Into key_: who asked the question with this number.
void Gate::NoteAsker(std::span<const uint8_t> address, uint16_t port,
                     uint16_t id) {
  key_.assign(address.begin(), address.end());
  for (const uint16_t part : {port, id}) {
    key_.push_back(static_cast<char>(part >> 8));
    key_.push_back(static_cast<char>(part));
  }
}

Gate::Flow& Gate::FlowOf(const FlowEnds& ends, int64_t now_us) {
  if (Flow* known = flows_.Find(ends, now_us)) return *known;
  return *flows_.Put(ends, Flow{}, now_us);
}

// A connection opens: whatever an old one on the same ports was, is forgotten.
Gate::Flow& Gate::Begin(const FlowEnds& ends, int64_t now_us) {
  sent_.Remove(ends);
  DropHeldBack(ends);
  if (live_flows_ != nullptr) live_flows_->Forget(ends);
  return FlowOf(ends, now_us) = Flow{};
}

void Gate::Pass(const platform::HeldByKernel& held, uint32_t bits) {
  ++counters_.passed;
  packets_.Accept(held.id, held.mark | bits);
}

// True when the packet waits: it is part of a hello of which more must come.
bool Gate::HoldBack(const platform::HeldByKernel& held, const FlowEnds& ends,
                    Flow& flow, int64_t now_us) {
  if (flow.hurried || !observer_.unfinished()) return false;
  if (held_back_.Keep(ends, {.id = held.id, .mark = held.mark}, now_us)) {
    return true;
  }
  flow.hurried = true;
  return false;
}

void Gate::GoOn(const FlowEnds& ends) {
  held_back_.Take(ends, [this](const HeldBack::Packet& packet) {
    ++counters_.passed;
    packets_.Accept(packet.id, packet.mark);
  });
}

void Gate::DropHeldBack(const FlowEnds& ends) {
  held_back_.Take(ends, [this](const HeldBack::Packet& packet) {
    packets_.Drop(packet.id);
  });
}

void Gate::LetOverdueGo(int64_t now_us) {
  while (const FlowEnds* overdue = held_back_.Overdue(now_us)) {
    const FlowEnds ends = *overdue;
    FlowOf(ends, now_us).hurried = true;
    GoOn(ends);
  }
}

void Gate::LetGo() {
  LetOverdueGo(std::numeric_limits<int64_t>::max());
  packets_.Flush();
}

}  // namespace schoolgate::agent
