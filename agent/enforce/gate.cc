#include "agent/enforce/gate.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/enforce/dns_answer.h"
#include "agent/enforce/kernel_table.h"
#include "agent/enforce/quic_answer.h"

namespace schoolgate::agent {
namespace {

constexpr int kRawIp = 12;  // DLT_RAW on Linux
constexpr uint16_t kDnsPort = 53;

// Names by which browsers ask whether they may hide the names that they look
// up; "no such name" means no. Nobody's doing, so nobody is told.
constexpr std::array<std::string_view, 4> kCanaries = {
    "use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com",
    "dns-tunnel-check.googlezip.net"};

bool IsCanary(std::string_view name) {
  return std::find(kCanaries.begin(), kCanaries.end(), name) != kCanaries.end();
}

Endpoint EndOf(std::span<const uint8_t> address, uint16_t port) {
  Endpoint end{.address = {}, .port = port};
  if (address.size() == 4) end.address[10] = end.address[11] = 0xff;
  std::copy(address.begin(), address.end(),
            end.address.end() - static_cast<ptrdiff_t>(address.size()));
  return end;
}

}  // namespace

Gate::Gate(platform::PacketGate& packets, Watch& watch)
    : packets_(packets), watch_(watch), observer_(ObserverLimits{}, *this) {}

void Gate::Serve(int64_t now_us) {
  platform::HeldByKernel held;
  for (int taken = 0; taken < kPacketsATurn; ++taken) {
    if (!packets_.Take(absl::ZeroDuration(), &held)) return;
    Judge(held, now_us);
  }
}

void Gate::OnName(const Observation& observation) {
  found_.any = true;
  if (observation.source == NameSource::kDns && IsCanary(observation.name)) {
    found_.canary = true;
    return;
  }
  const rules::Decision& decision =
      watch_.Judge(observation, /*enforced=*/true);
  found_.block |= decision.action == rules::Action::kBlock;
  if (live_flows_ != nullptr && !found_.block &&
      observation.source != NameSource::kDns) {
    live_flows_->Remember(observation, watch_.judged_who(), decision);
  }
  // An HTTPS record would let the browser hide the name from us (ECH); without
  // one it says the name in the clear (RFC 9460).
  found_.no_answer_wanted |= observation.qtype == kTypeHttps;
}

void Gate::Judge(const platform::HeldByKernel& held, int64_t now_us) {
  ++counters_.held;
  const auto packet = ParseHeld(held.bytes);
  found_ = Found{};
  platform::Packet seen;
  seen.time_us = now_us;
  seen.frame = ++frames_;
  seen.bytes = held.bytes;
  seen.wire_bytes = static_cast<uint32_t>(held.bytes.size());
  seen.link_type = kRawIp;
  seen.uid = held.uid;
  seen.direction = platform::Direction::kOut;
  observer_.OnPacket(seen);
  if (!packet) {
    ++counters_.undecidable;
    Pass(held, 0);
  } else if (packet->protocol == kProtocolTcp) {
    JudgeTcp(held, *packet, now_us);
  } else if (packet->destination_port == kDnsPort) {
    JudgeDns(held, *packet);
  } else {
    JudgeQuic(held, *packet, now_us);
  }
  watch_.Settle();
}

void Gate::JudgeDns(const platform::HeldByKernel& held,
                    const HeldPacket& packet) {
  // Several datagrams glued together hide all but the first from us.
  if (held.segmented) {
    ++counters_.blocked;
    packets_.Drop(held.id);
    return;
  }
  const bool refuse = found_.block || found_.canary;
  if (!refuse && !found_.no_answer_wanted) return Pass(held, 0);
  const std::vector<uint8_t> answer = AnswerBlocked(
      packet.payload, refuse ? BlockAnswer::kNoSuchName : BlockAnswer::kNoData);
  if (found_.block) ++counters_.blocked;
  if (answer.empty()) {
    packets_.Drop(held.id);
    return;
  }
  packets_.Replace(held.id, held.mark, UdpReply(packet, answer));
}

void Gate::JudgeTcp(const platform::HeldByKernel& held,
                    const HeldPacket& packet, int64_t now_us) {
  if (found_.block) {
    ++counters_.blocked;
    packets_.Accept(held.id, held.mark | kMarkBlock);
    return;
  }
  Flow& flow = FlowOf(packet, now_us);
  if ((packet.tcp_flags & kTcpSyn) != 0) {
    flow = Flow{};
    if (live_flows_ != nullptr) {
      live_flows_->Forget(Transport::kTcp,
                          EndOf(packet.source, packet.source_port),
                          EndOf(packet.destination, packet.destination_port));
    }
  }
  if (packet.destination_port == kDnsPort) return Pass(held, 0);
  const bool named = found_.any || ++flow.packets >= kMaxPacketsToName;
  Pass(held, named ? kMarkPass : 0);
}

void Gate::JudgeQuic(const platform::HeldByKernel& held,
                     const HeldPacket& packet, int64_t now_us) {
  Flow& flow = FlowOf(packet, now_us);
  flow.blocked |= found_.block;
  if (!flow.blocked) return Pass(held, found_.any ? kMarkPass : 0);
  ++counters_.blocked;
  const std::vector<uint8_t> answer = RefuseQuic(packet.payload);
  // The kernel loses a glued packet that is rewritten: drop it then.
  if (answer.empty() || held.segmented) {
    packets_.Drop(held.id);
  } else {
    packets_.Replace(held.id, held.mark, UdpReply(packet, answer));
  }
}

Gate::Flow& Gate::FlowOf(const HeldPacket& packet, int64_t now_us) {
  std::string key(packet.source.begin(), packet.source.end());
  key.append(packet.destination.begin(), packet.destination.end());
  for (const uint16_t port : {packet.source_port, packet.destination_port}) {
    key.push_back(static_cast<char>(port >> 8));
    key.push_back(static_cast<char>(port));
  }
  key.push_back(static_cast<char>(packet.protocol));
  if (Flow* known = flows_.Find(key, now_us)) return *known;
  return *flows_.Put(key, Flow{}, now_us);
}

void Gate::Pass(const platform::HeldByKernel& held, uint32_t bits) {
  ++counters_.passed;
  packets_.Accept(held.id, held.mark | bits);
}

}  // namespace schoolgate::agent
