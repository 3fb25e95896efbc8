// What Wireshark writes when it exports the contents of one layer: who spoke,
// which of its dissectors read it, and the bytes.
#include <algorithm>
#include <string_view>

#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

enum Tag : uint16_t {
  kEnd = 0,
  kDissector = 12,
  kHeuristic = 13,
  kTable = 14,
  kIpv4Source = 20,
  kIpv4Destination = 21,
  kIpv6Source = 22,
  kIpv6Destination = 23,
  kPortKind = 24,
  kSourcePort = 25,
  kDestinationPort = 26,
  kTableValue = 32,
};

constexpr uint32_t kUdpPorts = 3;  // of kPortKind

// What is known of an exported PDU.
struct Pdu {
  std::string_view dissector;
  std::string_view table;
  uint32_t value = 0;  // in the table
  uint32_t port_kind = 0;
};

// Of what travels over UDP or TCP: the port it usually goes to.
struct Service {
  std::string_view dissector;
  uint8_t protocol;
  uint16_t port;
};

constexpr Service kServices[] = {
    {"dns", kProtocolUdp, 53},           {"mdns", kProtocolUdp, 5353},
    {"llmnr", kProtocolUdp, 5355},       {"quic", kProtocolUdp, 443},
    {"dtls", kProtocolUdp, 443},         {"tls", kProtocolTcp, 443},
    {"ssl", kProtocolTcp, 443},          {"http", kProtocolTcp, 80},
    {"http-over-tcp", kProtocolTcp, 80},
};

uint32_t Number(Bytes value) {
  return value.size() < 4 ? 0 : LoadU32(value.data());
}

// Text that zeros pad.
std::string_view Text(Bytes value) {
  const std::string_view text = AsText(value);
  return text.substr(0, text.find('\0'));
}

void SetAddress(Bytes value, Address* address) {
  *address = {};
  if (value.size() == 4) {
    (*address)[10] = (*address)[11] = 0xff;
    std::copy(value.begin(), value.end(), address->begin() + 12);
  } else if (value.size() == 16) {
    std::copy(value.begin(), value.end(), address->begin());
  }
}

void ReadTag(uint16_t tag, Bytes value, Pdu* pdu, Segment* segment) {
  switch (tag) {
    case kDissector:
    case kHeuristic:
      pdu->dissector = Text(value);
      break;
    case kTable:
      pdu->table = Text(value);
      break;
    case kTableValue:
      pdu->value = Number(value);
      break;
    case kIpv4Source:
    case kIpv6Source:
      SetAddress(value, &segment->src);
      break;
    case kIpv4Destination:
    case kIpv6Destination:
      SetAddress(value, &segment->dst);
      break;
    case kPortKind:
      pdu->port_kind = Number(value);
      break;
    case kSourcePort:
      segment->src_port = static_cast<uint16_t>(Number(value));
      break;
    case kDestinationPort:
      segment->dst_port = static_cast<uint16_t>(Number(value));
      break;
    default:
      break;
  }
}

}  // namespace

Decoded PacketDecoder::ExportedPdu(Bytes bytes) {
  ByteReader reader(bytes);
  Pdu pdu;
  out_->src = out_->dst = {};
  out_->src_port = out_->dst_port = 0;
  for (;;) {
    const uint16_t tag = reader.U16();
    const Bytes value = reader.Take(reader.U16());
    if (!reader.ok()) return Decoded::kUndecodable;
    if (tag == kEnd) break;
    ReadTag(tag, value, &pdu, out_);
  }
  const Bytes inner = reader.rest();
  if (pdu.dissector.starts_with("eth")) return Ethernet(inner);
  if (pdu.dissector == "ip" || pdu.dissector == "ipv6" ||
      pdu.dissector == "raw_ip") {
    return AnyIp(inner);
  }
  if (pdu.table == "ip.proto") {
    return AfterIp(static_cast<uint8_t>(pdu.value), inner, inner.size());
  }
  if (pdu.table == "ethertype") {
    return EtherType(static_cast<uint16_t>(pdu.value), inner);
  }
  const auto service = std::find_if(
      std::begin(kServices), std::end(kServices),
      [&](const Service& one) { return one.dissector == pdu.dissector; });
  if (service == std::end(kServices) || inner.empty()) {
    return Decoded::kNothing;
  }
  // A stream's DNS has lost its lengths: each message is read as a datagram.
  const bool stream =
      service->protocol == kProtocolTcp && pdu.port_kind != kUdpPorts;
  if (!stream && service->protocol == kProtocolTcp) return Decoded::kNothing;
  out_->protocol = service->protocol;
  if (out_->dst_port == 0 && out_->src_port == 0) {
    out_->dst_port = service->port;
  }
  // Each by itself, and not one behind the other: as if sent again, and longer.
  exported_seq_ -= static_cast<uint32_t>(inner.size());
  out_->tcp_seq = exported_seq_;
  out_->tcp_ack = 0;
  out_->tcp_flags = kTcpAck;
  out_->payload = inner;
  out_->payload_bytes = static_cast<uint32_t>(inner.size());
  out_->ip_bytes = static_cast<uint32_t>(inner.size());
  return Decoded::kSegment;
}

}  // namespace schoolgate::agent
