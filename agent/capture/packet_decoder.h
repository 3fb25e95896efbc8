// From a captured packet to the transport segment inside: link layers, VLANs,
// tunnels, IPv4 and IPv6 with options, extension headers and fragments.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

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
// has more is undecodable, and counted so.
//
// Of a packet `as_sent` only the outermost is read: a tunnel on UDP is a
// datagram like others, and one on IP comes out as ESP does, without ports.
class PacketDecoder {
 public:
  static constexpr int kMaxDepth = 24;
  static constexpr int kMaxReassembled = 2;
  static constexpr int kMaxExtensionHeaders = 16;
  static constexpr int kMaxFrames = 64;  // of one packet, behind the first
  // Messages at the same time whose pieces come in order and do not say where
  // they belong: Bluetooth's, and fragments of 802.11 frames.
  static constexpr size_t kMaxInOrder = 8;

  Decoded Decode(const platform::Packet& packet, Segment* segment);

  // A packet may carry several frames (aggregated 802.11 frames, samples).
  // Decode takes the first; while this is true, DecodeMore takes the next, of
  // at most kMaxFrames. Before the next Decode, or they are lost, uncounted.
  bool has_more() const { return next_frame_ < frame_count_; }
  Decoded DecodeMore(const platform::Packet& packet, Segment* segment);
  // Packets with more frames than were taken.
  uint64_t cut_packets() const { return cut_packets_; }

  // Whether the segment decoded last borrows from the decoder, until its next
  // Decode.
  bool reassembled() const { return reassembled_ > 0 || expanded_in_use_; }

  const FragmentTable& fragments() const { return fragments_; }

 private:
  Decoded Link(int link_type, Bytes bytes);
  Decoded OtherLink(int link_type, Bytes bytes);
  Decoded RareLink(int link_type, Bytes bytes);
  Decoded LinkWithTag(int link_type, Bytes bytes);
  Decoded OddLink(int link_type, Bytes bytes);
  Decoded RadioLink(int link_type, Bytes bytes);
  Decoded Ax25(Bytes bytes);
  Decoded FibreChannel(Bytes bytes);
  Decoded InfiniBand(Bytes bytes);
  Decoded Alp(Bytes bytes);
  Decoded LowPower(Bytes bytes);
  Decoded LowPowerTap(Bytes bytes);
  Decoded BluetoothData(Bytes bytes);
  Decoded L2cap(Bytes bytes);
  Decoded Bnep(Bytes bytes);
  Decoded ExportedPdu(Bytes bytes);
  Decoded JuniperService(Bytes bytes);
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
  // Where in a packet a further frame lies, and how it is read.
  enum class FrameKind : uint8_t { kEthernet, kLlc, kIp };
  struct Frame {
    FrameKind kind;
    Bytes bytes;
  };
  void Later(FrameKind kind, Bytes bytes);
  void Begin(const platform::Packet& packet, Segment* segment);
  Decoded FirstOfFrames();
  Decoded ReadFrame(const Frame& frame);
  Decoded Aggregated(Bytes bytes);
  Decoded Sflow(Bytes bytes);
  void SflowSample(Bytes sample, bool expanded);
  Decoded PeekRemote(Bytes bytes);
  // A message whose pieces come in order.
  struct InOrder {
    uint64_t stream = 0;  // whose it is; 0: none is going on
    uint32_t tag = 0;     // of its own
    uint32_t next = 0;    // the number of the piece that comes next
    uint32_t have = 0;    // bytes
    uint32_t all = 0;     // bytes, when its first piece said so
  };
  InOrder* GoingOn(uint64_t stream);
  InOrder& BeginInOrder(uint64_t stream);
  Bytes AddInOrder(InOrder& message, Bytes piece, bool last);
  Decoded Wireless(Bytes bytes);
  Decoded Radiotap(Bytes bytes);
  Bytes WholeFrame(Bytes frame, Bytes body, bool more);
  Decoded WirelessFrame(uint8_t kind, uint8_t flags, Bytes bytes);
  Decoded WirelessOfController(Bytes bytes);
  Decoded Pktap(Bytes bytes);
  Decoded Juniper(Bytes bytes, size_t link_type);
  Decoded AnyIp(Bytes bytes);
  Decoded Ipv4(Bytes bytes) {
    return Ipv4With(bytes.size() < 10 ? 0 : bytes[9], bytes);
  }
  Decoded Ipv4With(uint8_t protocol, Bytes bytes);
  Decoded Ipv6(Bytes bytes);
  Decoded AfterIp(uint8_t next, Bytes payload, size_t wire_bytes);
  Decoded WholeDatagram(const Fragment& fragment);
  Decoded Transport(uint8_t protocol, Bytes bytes, size_t wire_bytes);
  Decoded WithoutPorts(Bytes bytes, size_t wire_bytes);
  Decoded Tcp(Bytes bytes, size_t wire_bytes);
  Decoded Udp(Bytes bytes, size_t wire_bytes, bool lite);
  Decoded Gre(Bytes bytes);
  static bool IsTunnelPort(uint16_t src, uint16_t dst);
  Decoded UdpTunnel(Bytes payload);
  Decoded UdpTunnelTo(uint16_t port, Bytes payload);
  static void SkipRoutes(ByteReader& reader);
  Decoded Vxlan(Bytes bytes);
  Decoded Geneve(Bytes bytes);
  Decoded Gtp(Bytes bytes);
  Decoded Teredo(Bytes bytes);
  Decoded GtpOld(Bytes bytes);
  Decoded L2tp(Bytes bytes);
  Decoded PseudowireFrame(Bytes bytes);
  Decoded Capwap(Bytes bytes);
  Decoded Lwapp(Bytes bytes);
  Decoded Amt(Bytes bytes);
  Decoded Ayiya(Bytes bytes);
  Decoded Tzsp(Bytes bytes);

  FragmentTable fragments_;
  Segment* out_ = nullptr;
  std::array<InOrder, kMaxInOrder> in_order_;
  uint32_t last_tag_ = 0;
  uint32_t exported_seq_ = 0;
  std::vector<uint8_t> expanded_;  // a packet whose headers were compressed
  bool expanded_in_use_ = false;
  std::array<Frame, kMaxFrames + 1> frames_;
  int frame_count_ = 0;
  int next_frame_ = 0;
  bool frames_in_table_ = false;  // they borrow from the fragment table
  uint64_t cut_packets_ = 0;
  int64_t time_us_ = 0;
  bool as_sent_ = false;  // see platform::Packet
  int depth_ = 0;
  int reassembled_ = 0;
};

}  // namespace schoolgate::agent
