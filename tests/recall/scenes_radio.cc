// Names that came by radio, with headers left out or in pieces, and those that
// Wireshark exported.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint32_t kLowPowerBare = 230;
constexpr uint32_t kLowPowerChecked = 195;
constexpr uint32_t kBluetoothLink = 201;
constexpr uint32_t kExported = 252;

Buffer Query() { return DnsQuery("inside.example.org", 1); }
Buffer Datagram() { return Udp(50000, 53, Query()); }

Scene One(const std::string& title, const Buffer& packet, uint32_t link_type) {
  return {title, {packet}, {"1 dns inside.example.org"}, link_type};
}

// 802.15.4's header with ends of eight bytes, or of two.
Buffer Radio(bool extended = true) {
  Writer frame;
  if (extended) {
    frame.U16(0x41cc).U8(7).U16(0x0100).Zeros(8).Zeros(8);
  } else {
    frame.U16(0x4188).U8(7).U16(0x0100).U16(0x0200).U16(0x0300);
  }
  return frame.bytes();
}

// UDP's header as RFC 6282 has it, port 53 in full.
Buffer ShortUdp(const Buffer& payload) {
  return Writer().U8(0xf0).U16(50000).U16(53).U16(0).Put(payload).bytes();
}

std::vector<Scene> CompressedScenes() {
  const Buffer udp = ShortUdp(Query());
  const auto packet = [&](const Buffer& header, const Buffer& rest) {
    return Radio() + header + rest;
  };
  // Traffic class and flow, hop limit, and both addresses in full.
  const Buffer all = Writer().U16(0x6400).U32(0).U8(64).Zeros(32).bytes();
  // Prefixes that only the network knows: of one more byte.
  const Buffer stateful = Writer().U16(0x7ef6).U8(0x12).U16(7).bytes();
  const Buffer group = Writer().U16(0x7e3b).U8(0xfb).bytes();
  const Buffer wide_group = Writer().U16(0x7e39).U8(5).Zeros(5).bytes();
  const Buffer prefix_group = Writer().U16(0x7e3c).Zeros(6).bytes();
  const Buffer nowhere = Writer().U16(0x7e43).bytes();
  const Buffer inner = Writer().U8(0xee).U16(0x7e33).bytes();
  const Buffer options =
      Writer().U16(0x7e33).U8(0xe1).U8(4).U32(0x01020000).bytes();
  return {
      One("radio-header-in-full", packet(all, udp), kLowPowerBare),
      One("radio-header-of-the-radio", packet({0x7e, 0x33}, udp),
          kLowPowerBare),
      One("radio-short-ends", Radio(false) + Buffer{0x7e, 0x33} + udp,
          kLowPowerBare),
      One("radio-prefixes-unknown", packet(stateful, udp), kLowPowerBare),
      One("radio-group", packet(group, udp), kLowPowerBare),
      One("radio-wide-group", packet(wide_group, udp), kLowPowerBare),
      One("radio-group-by-prefix", packet(prefix_group, udp), kLowPowerBare),
      One("radio-from-nowhere", packet(nowhere, udp), kLowPowerBare),
      One("radio-packet-in-packet", packet({0x7e, 0x33}, inner + udp),
          kLowPowerBare),
      One("radio-options", packet(options, udp), kLowPowerBare),
      One("radio-header-not-compressed",
          packet(Writer().U16(0x7a33).U8(17).bytes(), Datagram()),
          kLowPowerBare),
      One("radio-checked", packet({0x7e, 0x33}, udp) + Buffer{0x12, 0x34},
          kLowPowerChecked),
      {"radio-encrypted",
       {Writer()
            .U16(0x49cc)
            .Put(Bytes(packet({0x7e, 0x33}, udp)).subspan(2))
            .bytes()},
       {},
       kLowPowerBare},
      {"radio-acknowledgement", {{0x02, 0x00, 0x07}}, {}, kLowPowerBare}};
}

// The standard of 2015: no number, elements in front, networks by their rules.
std::vector<Scene> RecentScenes() {
  const Buffer body = Buffer{0x7e, 0x33} + ShortUdp(Query());
  const Buffer both = Writer()
                          .U16(0x01ed)  // no number; both ends of eight bytes
                          .U16(0x0100)
                          .Zeros(16)
                          .Put(body)
                          .bytes();
  // One header element, the end of them, one payload element, the end of it.
  const Buffer with_elements =
      Writer()
          .U16(0x01aa)  // data, both ends of two bytes, with elements
          .U8(7)
          .U16(0x0100)
          .U16(0x0200)
          .U16(0x0100)
          .U16(0x0300)
          .U16(0x020d)  // a header element of two bytes
          .U16(0xffff)
          .U16(0x003f)  // payload elements follow
          .U16(0x0188)  // one of one byte
          .U8(9)
          .U16(0x00f8)  // no more
          .Put(body)
          .bytes();
  return {One("radio-without-number", both, kLowPowerBare),
          One("radio-with-elements", with_elements, kLowPowerBare)};
}

std::vector<Scene> RadioPieceScenes() {
  const Buffer query = Query();
  const Buffer udp = Datagram();
  const auto size = static_cast<unsigned>(40 + udp.size());
  const Bytes all(udp);
  const size_t cut = 8;  // behind UDP's header; the first 48 bytes come first
  const Buffer first =
      Radio() +
      Writer().U16(0xc000 | size).U16(77).U16(0x7e33).Put(ShortUdp({})).bytes();
  const auto further = [&](size_t begin, size_t end) {
    return Radio() + Writer()
                         .U16(0xe000 | size)
                         .U16(77)
                         .U8(static_cast<unsigned>((40 + begin) / 8))
                         .Put(all.subspan(begin, end - begin))
                         .bytes();
  };
  const Buffer two = further(cut, cut + 16);
  const Buffer three = further(cut + 16, udp.size());
  const Buffer mesh = Radio() + Writer()
                                    .U8(0xbf)  // more hops than fit
                                    .U8(20)
                                    .U16(1)
                                    .U16(2)
                                    .U16(0x5007)
                                    .U16(0x7e33)
                                    .Put(ShortUdp(query))
                                    .bytes();
  return {{"radio-pieces",
           {first, two, three},
           {"3 dns inside.example.org"},
           kLowPowerBare},
          {"radio-pieces-reversed",
           {three, two, first},
           {"3 dns inside.example.org"},
           kLowPowerBare},
          {"radio-pieces-twice",
           {first, first, three, three, two},
           {"5 dns inside.example.org"},
           kLowPowerBare},
          {"radio-piece-missing", {first, three}, {}, kLowPowerBare},
          One("radio-mesh", mesh, kLowPowerBare)};
}

// Ethernet over a Bluetooth connection.
std::vector<Scene> BluetoothScenes() {
  const Buffer packet = Ipv6(2, 1, 17, Datagram());
  const auto message = [](const Buffer& frame) {
    const size_t size = frame.size();
    return Writer()
               .U8(size & 0xff)
               .U8(static_cast<unsigned>(size >> 8))
               .U16(0x4100)
               .bytes() +
           frame;
  };
  const auto piece = [](unsigned handle, unsigned flags, Bytes part) {
    const size_t size = part.size();
    return Writer()
        .U32(0)
        .U8(2)
        .U8(handle)
        .U8(flags)
        .U8(size & 0xff)
        .U8(static_cast<unsigned>(size >> 8))
        .Put(part)
        .bytes();
  };
  const auto whole = [&](const Buffer& frame) {
    return piece(1, 0x20, message(frame));
  };
  const Buffer type = {0x86, 0xdd};
  const Buffer bare = message(Buffer{2} + type + packet);
  const Bytes all(bare);
  const Buffer first = piece(1, 0x20, all.first(20));
  const Buffer second = piece(1, 0x10, all.subspan(20, 30));
  const Buffer third = piece(1, 0x10, all.subspan(50));
  return {One("bluetooth-both-addresses",
              whole(Buffer(1) + Buffer(12, 2) + type + packet), kBluetoothLink),
          One("bluetooth-one-address",
              whole(Buffer{3} + Buffer(6, 2) + type + packet), kBluetoothLink),
          One("bluetooth-extended",
              whole(Buffer{0x82} + type + Buffer{0, 2, 9, 9} + packet),
              kBluetoothLink),
          One("bluetooth-vlan", whole(Buffer{2, 0x81, 0, 0, 7} + type + packet),
              kBluetoothLink),
          {"bluetooth-pieces",
           {first, second, third},
           {"3 dns inside.example.org"},
           kBluetoothLink},
          {"bluetooth-pieces-of-two-connections",
           {first, piece(2, 0x20, all.first(9)), second,
            piece(2, 0x10, all.subspan(9)), third},
           {"4 dns inside.example.org", "5 dns inside.example.org"},
           kBluetoothLink},
          {"bluetooth-begun-anew",
           {first, first, second, third},
           {"4 dns inside.example.org"},
           kBluetoothLink},
          {"bluetooth-no-ip",
           {whole(Buffer{2, 0x08, 0x06} + packet),
            whole(Buffer{2} + type + Buffer(60, 7)), whole(Buffer{1, 2, 3}),
            piece(1, 0x10, all.subspan(20))},
           {},
           kBluetoothLink}};
}

// A frame of 802.11 that was sent in fragments, each with its checksum.
std::vector<Scene> WirelessScenes() {
  constexpr uint32_t kRadiotap = 127;
  const Buffer body = Writer()
                          .Put(std::string_view("\xaa\xaa\3\0\0\0", 6))
                          .U16(0x86dd)
                          .Put(Ipv6(2, 1, 17, Datagram()))
                          .bytes();
  const Bytes all(body);
  const auto fragment = [&](unsigned number, size_t begin, size_t end,
                            bool more, unsigned sender = 7) {
    return Writer()
        .U16(0)
        .U16(0x1a00)      // 26 bytes
        .U32(0x03000080)  // time and flags, and another word
        .U32(0)
        .Zeros(4 + 8)
        .U8(0x10)  // with a checksum
        .U8(0)
        .U8(0x08)
        .U8(more ? 0x05 : 0x01)
        .Zeros(2 + 6)
        .Zeros(5)
        .U8(sender)
        .Zeros(6)
        .U8(0x30 | number)
        .U8(1)
        .Put(all.subspan(begin, end - begin))
        .U32(0x12345678)
        .bytes();
  };
  const size_t end = body.size();
  return {{"wireless-fragments",
           {fragment(0, 0, 40, true), fragment(1, 40, 80, true),
            fragment(2, 80, end, false)},
           {"3 dns inside.example.org"},
           kRadiotap},
          {"wireless-fragments-again",
           {fragment(0, 0, 40, true), fragment(1, 40, 80, true),
            fragment(1, 40, 80, true), fragment(2, 80, end, false)},
           {"4 dns inside.example.org"},
           kRadiotap},
          {"wireless-fragments-of-two",
           {fragment(0, 0, 40, true), fragment(0, 0, 50, true, 8),
            fragment(1, 40, end, false), fragment(1, 50, end, false, 8)},
           {"3 dns inside.example.org", "4 dns inside.example.org"},
           kRadiotap},
          {"wireless-fragment-missing",
           {fragment(0, 0, 40, true), fragment(2, 80, end, false)},
           {},
           kRadiotap}};
}

Buffer Tags(std::string_view dissector, bool tcp, unsigned port) {
  Writer tags;
  const size_t padded = (dissector.size() + 4) & ~size_t{3};
  tags.U16(12).U16(static_cast<unsigned>(padded)).Put(dissector);
  tags.Zeros(padded - dissector.size());
  tags.U16(20).U16(4).U32(0x0a000002);
  tags.U16(21).U16(4).U32(0xc6336401);
  tags.U16(24).U16(4).U32(tcp ? 2 : 3);
  tags.U16(25).U16(4).U32(50000);
  if (port != 0) tags.U16(26).U16(4).U32(port);
  return tags.U32(0).bytes();
}

std::vector<Scene> ExportedScenes() {
  const auto pdu = [](std::string_view dissector, bool tcp, unsigned port,
                      const Buffer& bytes) {
    return Tags(dissector, tcp, port) + bytes;
  };
  const Buffer hello = TlsRecords(ClientHello({.name = "exported.example"}));
  const Buffer longer =
      TlsRecords(ClientHello({.name = "longer.example", .padding = 300}));
  const Buffer initial =
      Initial({}, CryptoFrame(0, ClientHello({.name = "quic.example"})));
  const Buffer request =
      Writer()
          .Put(std::string_view("GET / HTTP/1.1\r\nHost: web.example\r\n\r\n"))
          .bytes();
  const Buffer ipv6 = Ipv6(2, 1, 17, Datagram());
  return {
      One("exported-dns", pdu("dns", false, 53, Query()), kExported),
      One("exported-dns-of-a-stream", pdu("dns", true, 53, Query()), kExported),
      {"exported-mdns",
       {pdu("mdns", false, 5353, Query())},
       {"1 mdns inside.example.org"},
       kExported},
      {"exported-tls",
       {pdu("tls", true, 443, hello), pdu("tls", true, 444, hello),
        pdu("tls", true, 443, longer)},
       {"1 tls exported.example", "2 tls exported.example",
        "3 tls longer.example"},
       kExported},
      {"exported-quic",
       {pdu("quic", false, 443, initial)},
       {"1 quic quic.example"},
       kExported},
      {"exported-http",
       {pdu("http", true, 8000, request)},
       {"1 http web.example"},
       kExported},
      One("exported-ip", pdu("ip", false, 0, ipv6), kExported),
      One("exported-by-table",
          Writer()
              .U16(14)
              .U16(12)
              .Put(std::string_view("ip.proto\0\0\0\0", 12))
              .U16(32)
              .U16(4)
              .U32(17)
              .U32(0)
              .Put(Datagram())
              .bytes(),
          kExported),
      {"exported-other",
       {pdu("sip", false, 53, Query()),
        {0, 12, 0, 200, 'd'},
        pdu("dns", false, 53, {})},
       {},
       kExported}};
}

}  // namespace

std::vector<Scene> RadioScenes() {
  std::vector<Scene> scenes = CompressedScenes();
  for (const auto& more :
       {RecentScenes(), RadioPieceScenes(), BluetoothScenes(), WirelessScenes(),
        ExportedScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
