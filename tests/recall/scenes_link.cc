#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint32_t kClient = 0x0a000002;
constexpr uint32_t kServer = 0x0a000001;
constexpr uint16_t kTypeIpv4 = 0x0800;

Buffer Query() { return Udp(50000, 53, DnsQuery("inside.example.org", 1)); }
Buffer Inner() { return Ipv4(kClient, kServer, 17, Query()); }
Buffer InnerFrame() { return Ethernet(kTypeIpv4, Inner()); }

Buffer Tunnel(uint16_t port, const Buffer& payload) {
  Flow flow;
  flow.server_port = port;
  return UdpFrame(flow, true, payload);
}

// Router alert and padding between header and payload.
Buffer WithOptions() {
  const Buffer plain = Inner();
  Writer packet;
  packet.U8(0x46).U8(0).U16(static_cast<unsigned>(plain.size() + 4));
  packet.Put(Bytes(plain).subspan(4, 16)).U32(0x94040000);
  return Ethernet(kTypeIpv4, packet.Put(Bytes(plain).subspan(20)).bytes());
}

Scene One(const std::string& title, const Buffer& packet,
          uint32_t link_type = 1) {
  return {title, {packet}, {"1 dns inside.example.org"}, link_type};
}

std::vector<Scene> EthernetScenes() {
  const Buffer vlan = Writer().U16(7).U16(kTypeIpv4).Put(Inner()).bytes();
  const Buffer qinq = Writer().U16(8).U16(0x8100).Put(vlan).bytes();
  const Buffer pppoe =
      Writer().U16(0x1100).U16(1).U16(0).U16(0x0021).Put(Inner()).bytes();
  const Buffer mpls =
      Writer().U32(0x00010040).U32(0x00011140).Put(Inner()).bytes();
  const Buffer gre =
      Writer().U16(0x2000).U16(kTypeIpv4).U32(5).Put(Inner()).bytes();
  const auto carried = [](uint8_t protocol, const Buffer& payload) {
    return Ethernet(kTypeIpv4, Ipv4(kServer, kClient, protocol, payload));
  };
  return {
      One("link-vlan", Ethernet(0x8100, vlan)),
      One("link-qinq", Ethernet(0x88a8, qinq)),
      One("link-pppoe", Ethernet(0x8864, pppoe)),
      One("link-mpls", Ethernet(0x8847, mpls)),
      One("tunnel-gre", carried(47, gre)),
      One("tunnel-ip-in-ip", carried(4, Inner())),
      One("tunnel-6in4", carried(41, Ipv6(2, 1, 17, Query()))),
      One("tunnel-vxlan",
          Tunnel(4789, Buffer{8, 0, 0, 0, 0, 0, 1, 0} + InnerFrame())),
      One("tunnel-geneve",
          Tunnel(6081, Buffer{0, 0, 0x65, 0x58, 0, 0, 1, 0} + InnerFrame())),
      One("tunnel-gtp",
          Tunnel(2152, Buffer{0x30, 0xff, 0, 0, 0, 0, 0, 1} + Inner())),
      One("tunnel-gre-ethernet",
          carried(47, Writer().U16(0).U16(0x6558).Put(InnerFrame()).bytes())),
      One("tunnel-l2tp",
          Tunnel(1701, Buffer{0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21} + Inner())),
      One("tunnel-6in6",
          Ethernet(0x86dd, Ipv6(1, 2, 41, Ipv6(2, 1, 17, Query())))),
      One("ipv4-options", WithOptions()),
      One("tunnel-teredo", Tunnel(3544, Ipv6(2, 1, 17, Query())))};
}

// Headers with all their optional parts.
std::vector<Scene> LongHeaderScenes() {
  const auto carried = [](uint8_t protocol, const Buffer& payload) {
    return Ethernet(kTypeIpv4, Ipv4(kServer, kClient, protocol, payload));
  };
  const Buffer gre =
      Writer().U16(0xb000).U16(kTypeIpv4).Zeros(12).Put(Inner()).bytes();
  const Buffer erspan = Writer()
                            .U16(0x1000)
                            .U16(0x88be)
                            .U32(1)
                            .Zeros(8)
                            .Put(InnerFrame())
                            .bytes();
  const Buffer geneve = Writer()
                            .U16(0x0200)
                            .U16(0x6558)
                            .U32(0x100)
                            .Zeros(8)
                            .Put(InnerFrame())
                            .bytes();
  const Buffer gtp = Writer()
                         .U16(0x34ff)
                         .U16(0)
                         .U32(1)
                         .U32(0x00000085)
                         .U32(0x01100900)
                         .Put(Inner())
                         .bytes();
  const Buffer wire =
      Writer().U32(0x00010040).U32(0x00011140).U32(0).Put(InnerFrame()).bytes();
  const Buffer nsh = Writer()
                         .U16(0x0fc6)
                         .U16(0x0203)
                         .U32(0x100ff)
                         .Zeros(16)
                         .Put(InnerFrame())
                         .bytes();
  const Buffer l2tp = Writer()
                          .U16(0x4a02)
                          .U16(0)
                          .U32(0x00010002)
                          .U32(0x00010001)
                          .U16(2)
                          .U16(0)
                          .U16(0xff03)
                          .U16(0x0021)
                          .Put(Inner())
                          .bytes();
  return {One("tunnel-gre-all-fields", carried(47, gre)),
          One("tunnel-erspan", carried(47, erspan)),
          One("tunnel-geneve-options", Tunnel(6081, geneve)),
          One("tunnel-gtp-extension", Tunnel(2152, gtp)),
          One("tunnel-mpls-wire", Ethernet(0x8847, wire)),
          One("tunnel-nsh", Ethernet(0x894f, nsh)),
          One("tunnel-l2tp-all-fields", Tunnel(1701, l2tp)),
          One("tunnel-vxlan-gpe",
              Tunnel(4790, Buffer{0x0c, 0, 0, 1, 0, 0, 1, 0} + Inner())),
          One("tunnel-4in6", Ethernet(0x86dd, Ipv6(1, 2, 4, Inner()))),
          One("link-backbone",
              Ethernet(0x88e7, Writer().U32(5).Put(InnerFrame()).bytes())),
          One("link-llc-snap", Ethernet(200, Writer()
                                                 .U32(0xaaaa0300)
                                                 .U16(0)
                                                 .U16(kTypeIpv4)
                                                 .Put(Inner())
                                                 .bytes()))};
}

std::vector<Scene> ExtensionScenes() {
  const auto extension = [](unsigned next, const Buffer& rest) {
    return Writer().U8(next).U8(0).U32(0x01040000).U16(0).Put(rest).bytes();
  };
  const Buffer query = Query();
  const Buffer authenticated =
      Writer().U8(17).U8(4).U16(0).Zeros(20).Put(query).bytes();
  const Buffer chain =
      extension(43, extension(60, extension(51, authenticated)));
  const Buffer atomic = Writer().U8(17).U8(0).U16(0).U32(9).Put(query).bytes();
  const Bytes all(query);
  const auto piece = [&](size_t begin, size_t end, bool more) {
    const Buffer part = Writer()
                            .U8(17)
                            .U8(0)
                            .U16(static_cast<unsigned>(begin | (more ? 1 : 0)))
                            .U32(78)
                            .Put(all.subspan(begin, end - begin))
                            .bytes();
    return Ethernet(0x86dd, Ipv6(2, 1, 0, extension(44, part)));
  };
  const size_t end = query.size();
  return {One("ipv6-extension-chain", Ethernet(0x86dd, Ipv6(2, 1, 0, chain))),
          One("ipv6-atomic-fragment", Ethernet(0x86dd, Ipv6(2, 1, 44, atomic))),
          {"ipv6-fragments-behind-extensions",
           {piece(32, end, false), piece(0, 16, true), piece(16, 32, true)},
           {"3 dns inside.example.org"}}};
}

// What a device sends that is no Ethernet card, as Linux writes it down.
std::vector<Scene> CookedScenes() {
  const Buffer ppp = Writer().U16(0x0021).Put(Inner()).bytes();
  const Buffer marked = Writer().U16(0xff03).Put(ppp).bytes();
  std::vector<Scene> scenes;
  const auto both = [&](const std::string& title, unsigned hardware,
                        unsigned type, const Buffer& frame) {
    scenes.push_back(One(
        "link-sll-" + title,
        Writer().U16(4).U16(hardware).Zeros(10).U16(type).Put(frame).bytes(),
        113));
    scenes.push_back(One(
        "link-sll2-" + title,
        Writer().U16(type).Zeros(6).U16(hardware).Zeros(10).Put(frame).bytes(),
        276));
  };
  both("whole-frame", 1, 3, InnerFrame());
  both("ppp", 512, 7, marked);
  both("ppp-without-address", 512, 7, ppp);
  return scenes;
}

// Headers as few write them.
std::vector<Scene> RareHeaderScenes() {
  const auto carried = [](uint8_t protocol, const Buffer& payload) {
    return Ethernet(kTypeIpv4, Ipv4(kServer, kClient, protocol, payload));
  };
  // A number and the kind of a header that does not follow.
  const Buffer gtp =
      Writer().U16(0x32ff).U16(0).U32(1).U32(0x00070085).Put(Inner()).bytes();
  const Buffer routes = Writer()
                            .U16(0x4000)
                            .U16(kTypeIpv4)
                            .U32(0)
                            .U32(0x08000004)
                            .U32(kServer)
                            .U32(0)
                            .Put(Inner())
                            .bytes();
  Buffer compressed =
      Ipv4(kClient, kServer, 6,
           Tcp(50000, 443, 1, 16,
               TlsRecords(ClientHello({.name = "inside.example.org"}))));
  compressed[9] = 3;  // the slot of its connection, for TCP
  return {One("tunnel-gtp-number-only", Tunnel(2152, gtp)),
          One("tunnel-gre-routes", carried(47, routes)),
          One("tunnel-vxlan-without-number",
              Tunnel(4789, Buffer(8, 0) + InnerFrame())),
          {"link-ppp-first-of-compressed",
           {Writer().U16(0xff03).U16(0x002f).Put(compressed).bytes()},
           {"1 tls inside.example.org"},
           9}};
}

std::vector<Scene> OtherLinkScenes() {
  const Buffer sll = Writer().Zeros(14).U16(kTypeIpv4).Put(Inner()).bytes();
  const Buffer sll2 = Writer().U16(kTypeIpv4).Zeros(18).Put(Inner()).bytes();
  const Buffer payload = Inner();
  const Buffer nflog = Writer()
                           .U32(0x02000000)
                           .U16(0x0800)
                           .U16(0x0b00)
                           .U32(1000)
                           .U8((payload.size() + 4) & 0xff)
                           .U8((payload.size() + 4) >> 8)
                           .U16(0x0900)
                           .Put(payload)
                           .bytes();
  const Buffer wireless = Writer()
                              .U16(0x0000)
                              .U8(8)
                              .Zeros(5)
                              .U16(0x8801)
                              .Zeros(24)
                              .Put(std::string_view("\xaa\xaa\3\0\0\0", 6))
                              .U16(kTypeIpv4)
                              .Put(Inner())
                              .bytes();
  // To the distribution system, with quality of service.
  const Buffer snap = Writer()
                          .Put(std::string_view("\xaa\xaa\3\0\0\0", 6))
                          .U16(kTypeIpv4)
                          .Put(Inner())
                          .bytes();
  const Buffer wifi = Writer().U16(0x8801).Zeros(24).Put(snap).bytes();
  return {
      One("link-null", Writer().U32(2).Put(Inner()).bytes(), 0),
      One("link-raw", Inner(), 101),
      One("link-loop", Writer().U32(2).Put(Inner()).bytes(), 108),
      One("link-null-ipv6", Buffer{30, 0, 0, 0} + Ipv6(2, 1, 17, Query()), 0),
      One("link-wireless", wifi, 105),
      One("link-ppp-compressed", Writer().U8(0x21).Put(Inner()).bytes(), 9),
      One("link-ppp-serial",
          Writer().U16(0xff03).U16(0x0021).Put(Inner()).bytes(), 50),
      One("link-pppoe-bare",
          Writer().U16(0x1100).U16(1).U16(0).U16(0x0021).Put(Inner()).bytes(),
          51),
      One("link-sll-vlan",
          Writer()
              .Zeros(14)
              .U16(0x8100)
              .U16(7)
              .U16(kTypeIpv4)
              .Put(Inner())
              .bytes(),
          113),
      One("link-sll", sll, 113),
      One("link-sll2", sll2, 276),
      One("link-nflog", nflog, 239),
      One("link-radiotap", wireless, 127),
      One("link-ppp", Writer().U16(0xff03).U16(0x0021).Put(Inner()).bytes(), 9),
      One("link-cisco-hdlc",
          Writer().U16(0x0f00).U16(kTypeIpv4).Put(Inner()).bytes(), 104)};
}

std::vector<Scene> FragmentScenes() {
  const Buffer query = Query();
  const Buffer padded = query + Buffer(200, 0);
  const Bytes all(padded);
  const auto piece = [&](size_t begin, size_t end, bool more) {
    const uint16_t where =
        static_cast<uint16_t>(begin / 8 | (more ? 0x2000 : 0));
    return Ethernet(kTypeIpv4, Ipv4(kClient, kServer, 17,
                                    all.subspan(begin, end - begin), where));
  };
  const auto piece6 = [&](size_t begin, size_t end, bool more) {
    const Buffer header =
        Writer()
            .U8(17)
            .U8(0)
            .U16(static_cast<unsigned>(begin | (more ? 1 : 0)))
            .U32(77)
            .Put(all.subspan(begin, end - begin))
            .bytes();
    return Ethernet(0x86dd, Ipv6(2, 1, 44, header));
  };
  const size_t end = query.size();
  const Buffer options = Writer().U8(17).U8(0).Zeros(6).Put(query).bytes();
  // The Next Header of a later fragment says nothing.
  Buffer other_kind = piece6(16, end, false);
  other_kind[14 + 40] = 59;
  return {{"ipv4-fragments-reversed",
           {piece(24, end, false), piece(8, 24, true), piece(0, 8, true)},
           {"3 dns inside.example.org"}},
          {"ipv6-fragments",
           {piece6(0, 16, true), piece6(16, end, false)},
           {"2 dns inside.example.org"}},
          {"ipv6-fragments-of-two-kinds",
           {piece6(0, 16, true), other_kind},
           {"2 dns inside.example.org"}},
          {"ipv4-first-fragment-cut",
           {piece(0, 200, true)},
           {"1 dns inside.example.org"},
           1,
           120},
          {"ipv4-later-fragment-cut", {piece(8, 200, true)}, {}, 1, 120},
          {"ipv6-first-fragment-cut",
           {piece6(0, 200, true)},
           {"1 dns inside.example.org"},
           1,
           140},
          {"ipv6-extension-headers",
           {Ethernet(0x86dd, Ipv6(2, 1, 60, options))},
           {"1 dns inside.example.org"}}};
}

// An access point cuts what does not fit beside its own headers.
std::vector<Scene> ControllerScenes() {
  const Buffer frame = Writer()
                           .U16(0x0188)  // as the wire has it, and not the air
                           .Zeros(24)
                           .Put(std::string_view("\xaa\xaa\3\0\0\0", 6))
                           .U16(kTypeIpv4)
                           .Put(Inner())
                           .bytes();
  const Bytes all(frame);
  const auto piece = [&](unsigned number, size_t begin, size_t end, bool last) {
    return Tunnel(5247, Writer()
                            .U16(0x0010)
                            .U16(last ? 0x03c0 : 0x0380)
                            .U16(number)
                            .U16(static_cast<unsigned>(begin))
                            .Put(all.subspan(begin, end - begin))
                            .bytes());
  };
  return {{"tunnel-capwap-fragments",
           {piece(5, 0, 40, false), piece(6, 40, frame.size(), true),
            piece(5, 40, frame.size(), true)},
           {"3 dns inside.example.org"}},
          {"tunnel-capwap-fragments-reversed",
           {piece(5, 40, frame.size(), true), piece(5, 0, 40, false)},
           {"2 dns inside.example.org"}}};
}

}  // namespace

std::vector<Scene> LinkScenes() {
  std::vector<Scene> scenes = EthernetScenes();
  for (const auto& more :
       {LongHeaderScenes(), RareHeaderScenes(), CookedScenes(),
        OtherLinkScenes(), ControllerScenes(), FragmentScenes(),
        ExtensionScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
