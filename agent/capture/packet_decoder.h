// From a captured packet to the transport segment inside: link layers, VLANs,
// tunnels, IPv4 and IPv6 with options, extension headers and fragments.
#pragma once

#include <cstdint>

#include "agent/capture/fragment_table.h"
#include "agent/capture/segment.h"
#include "platform/packet_source.h"

namespace schoolgate::agent {

enum class Decoded {
  kSegment,      // *segment is filled
  kNothing,      // sound, but no segment in it (ARP, ICMP, a first fragment)
  kUndecodable,  // broken or of a kind that is not known
};

// Not thread-safe. Headers may be nested at most kMaxDepth deep, with
// kMaxExtensionHeaders in one IPv6 header's chain or labels in one MPLS stack;
// one packet may complete kMaxReassembled datagrams, each inside the next. What
// has more is undecodable.
class PacketDecoder {
 public:
  static constexpr int kMaxDepth = 24;
  static constexpr int kMaxReassembled = 2;
  static constexpr int kMaxExtensionHeaders = 16;

  Decoded Decode(const platform::Packet& packet, Segment* segment);

  // Whether the segment decoded last borrows from the fragment table.
  bool reassembled() const { return reassembled_ > 0; }

  const FragmentTable& fragments() const { return fragments_; }

 private:
  Decoded Link(int link_type, Bytes bytes);
  Decoded OtherLink(int link_type, Bytes bytes);
  Decoded RareLink(int link_type, Bytes bytes);
  Decoded LinkWithTag(int link_type, Bytes bytes);
  Decoded Ethernet(Bytes bytes);
  Decoded EtherType(uint16_t type, Bytes bytes);
  Decoded OtherEtherType(uint16_t type, Bytes bytes);
  Decoded RareEtherType(uint16_t type, Bytes bytes);
  Decoded MacSec(Bytes bytes);
  Decoded Batman(Bytes bytes);
  Decoded Nsh(Bytes bytes);
  Decoded Cooked(uint16_t hardware, uint16_t type, Bytes bytes);
  Decoded Atm(Bytes bytes);
  Decoded Erf(Bytes bytes);
  Decoded Llc(Bytes bytes);
  Decoded Mpls(Bytes bytes);
  Decoded Ppp(Bytes bytes);
  Decoded PppProtocol(uint16_t protocol, Bytes bytes);
  Decoded PppMultilink(Bytes bytes);
  Decoded FrameRelay(Bytes bytes);
  Decoded CiscoHdlc(Bytes bytes);
  Decoded Nflog(Bytes bytes);
  Decoded Wireless(Bytes bytes);
  Decoded WirelessFrame(uint8_t kind, uint8_t flags, Bytes bytes);
  Decoded WirelessOfController(Bytes bytes);
  Decoded Pktap(Bytes bytes);
  Decoded Juniper(Bytes bytes, size_t link_type);
  Decoded AnyIp(Bytes bytes);
  Decoded Ipv4(Bytes bytes);
  Decoded Ipv6(Bytes bytes);
  Decoded AfterIp(uint8_t next, Bytes payload, size_t wire_bytes);
  Decoded WholeDatagram(const Fragment& fragment);
  Decoded Transport(uint8_t protocol, Bytes bytes, size_t wire_bytes);
  Decoded Tcp(Bytes bytes, size_t wire_bytes);
  Decoded Udp(Bytes bytes, size_t wire_bytes, bool lite);
  Decoded Gre(Bytes bytes);
  static bool IsTunnelPort(uint16_t src, uint16_t dst);
  Decoded UdpTunnel(Bytes payload);
  Decoded UdpTunnelTo(uint16_t port, Bytes payload);
  Decoded Vxlan(Bytes bytes);
  Decoded Geneve(Bytes bytes);
  Decoded Gtp(Bytes bytes);
  Decoded Teredo(Bytes bytes);
  Decoded GtpOld(Bytes bytes);
  Decoded L2tp(Bytes bytes);
  Decoded PseudowireFrame(Bytes bytes);
  Decoded Capwap(Bytes bytes);
  Decoded Lwapp(Bytes bytes);
  Decoded Ayiya(Bytes bytes);
  Decoded Tzsp(Bytes bytes);

  FragmentTable fragments_;
  Segment* out_ = nullptr;
  int64_t time_us_ = 0;
  int depth_ = 0;
  int reassembled_ = 0;
};

}  // namespace schoolgate::agent
