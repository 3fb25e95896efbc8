// What TCP does beside carrying bytes in order: options, probes, padding,
// ports used again, captures that keep only the front of each packet.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kFin = 1;
constexpr uint8_t kSyn = 2;
constexpr uint8_t kRst = 4;
constexpr uint8_t kSynAck = 18;
constexpr uint8_t kAck = 16;
constexpr uint32_t kIsn = 1000;

Buffer Hello(const std::string& name, size_t padding = 0) {
  return TlsRecords(ClientHello({.name = name, .padding = padding}));
}

Buffer Data(const Flow& flow, uint32_t offset, const Buffer& bytes) {
  return TcpFrame(flow, true, kIsn + 1 + offset, kAck, bytes);
}

Buffer Syn(const Flow& flow) { return TcpFrame(flow, true, kIsn, kSyn, {}); }

// A segment with timestamps and padding in its header.
Buffer WithOptions(const Flow& flow, const Buffer& payload) {
  const Buffer plain =
      Tcp(flow.client_port, flow.server_port, kIsn + 1, kAck, {});
  Buffer segment(plain.begin(), plain.end());
  segment[12] = 0x80;
  segment = segment + Buffer{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2} + payload;
  return Ethernet(0x0800, Ipv4(flow.client, flow.server, 6, segment));
}

// As a network card with segmentation offload shows it: no length in IP.
Buffer Offloaded(const Flow& flow, const Buffer& payload) {
  Buffer frame = Data(flow, 0, payload);
  frame[16] = frame[17] = 0;
  return frame;
}

std::vector<Scene> PacketScenes() {
  const Flow flow;
  const Buffer hello = Hello("tcp.example.org");
  // Ethernet pads short frames; the padding is no payload.
  Buffer padded = TcpFrame(flow, true, kIsn + 1, kAck, {});
  padded.insert(padded.end(), 6, 0x16);
  const Buffer probe = TcpFrame(flow, true, kIsn, kAck, Buffer{0});
  const Buffer over6 =
      Ethernet(0x86dd, Ipv6(2, 1, 6, Tcp(50000, 443, kIsn + 1, kAck, hello)));
  return {
      {"tcp-options",
       {Syn(flow), WithOptions(flow, hello)},
       {"2 tls tcp.example.org"}},
      {"tcp-offloaded",
       {Syn(flow), Offloaded(flow, Hello("tcp.example.org", 3000))},
       {"2 tls tcp.example.org"}},
      {"tcp-padded-frame",
       {Syn(flow), padded, Data(flow, 0, hello)},
       {"3 tls tcp.example.org"}},
      {"tcp-keep-alive-in-front",
       {Syn(flow), probe, probe, Data(flow, 0, hello)},
       {"4 tls tcp.example.org"}},
      {"tcp-over-ipv6", {over6}, {"1 tls tcp.example.org"}},
      {"tcp-only-the-hello", {Data(flow, 0, hello)}, {"1 tls tcp.example.org"}},
      {"tcp-resent-hello-is-one",
       {Syn(flow), Data(flow, 0, hello), Data(flow, 0, hello)},
       {"2 tls tcp.example.org"}}};
}

std::vector<Scene> ConnectionScenes() {
  const Flow flow;
  const Buffer one = Hello("one.example.org");
  const Buffer two = Hello("two.example.org");
  const auto close = [&](bool from_client, uint8_t flag) {
    return TcpFrame(flow, from_client, from_client ? kIsn + 900 : 6000,
                    flag | kAck, {});
  };
  const uint32_t second = kIsn + 900'000;
  const Buffer again = TcpFrame(flow, true, second, kSyn, {});
  const Buffer later = TcpFrame(flow, true, second + 1, kAck, two);
  Buffer in_pieces = one;
  in_pieces.resize(100);
  return {{"tcp-ports-again-after-fin",
           {Syn(flow), Data(flow, 0, one), close(true, kFin),
            close(false, kFin), again, later},
           {"2 tls one.example.org", "6 tls two.example.org"}},
          {"tcp-ports-again-after-reset",
           {Syn(flow), Data(flow, 0, one), close(false, kRst), again, later},
           {"2 tls one.example.org", "5 tls two.example.org"}},
          {"tcp-ports-again-within-a-hello",
           {Syn(flow), Data(flow, 0, in_pieces), again, later},
           {"4 tls two.example.org"}},
          {"tcp-server-speaks-first",
           {Syn(flow), TcpFrame(flow, false, 5000, kSynAck, {}),
            TcpFrame(flow, false, 5001, kAck, Buffer(300, 'x')),
            Data(flow, 0, one)},
           {"4 tls one.example.org"}},
          {"tcp-begins-in-the-middle",
           {TcpFrame(flow, true, 70'000, kAck, Buffer(500, 0x41)),
            TcpFrame(flow, true, 70'500, kAck, two)},
           {"2 tls two.example.org"}}};
}

// A capture that keeps the first bytes of each packet.
std::vector<Scene> SnapScenes() {
  const Flow flow;
  const Buffer hello = Hello("snap.example.org", 1700);
  const Buffer records =
      TlsRecords(ClientHello({.name = "snap.example.org", .padding = 900}), 60);
  const Buffer after = Data(flow, static_cast<uint32_t>(hello.size()),
                            Hello("after.example.org"));
  // 54 bytes of headers; the name stands 95 to 111 bytes behind them.
  return {{"tcp-cut-behind-the-name",
           {Syn(flow), Data(flow, 0, hello)},
           {"2 tls snap.example.org"},
           1,
           256},
          {"tcp-cut-before-the-name",
           {Syn(flow), Data(flow, 0, hello), after},
           {},
           1,
           140},
          {"tcp-cut-within-the-name",
           {Syn(flow), Data(flow, 0, hello)},
           {},
           1,
           54 + 105},
          {"tcp-cut-before-what-is-new",
           {Syn(flow), Data(flow, 0, Buffer(300, 'x')),
            Data(flow, 100, Buffer(300, 'x')),
            Data(flow, 400, Hello("after.example.org"))},
           {"4 tls after.example.org"},
           1,
           200},
          {"tcp-cut-many-records",
           {Syn(flow), Data(flow, 0, records)},
           {"2 tls snap.example.org"},
           1,
           300}};
}

std::vector<Scene> NameScenes() {
  const Flow flow;
  const auto with = [&](const HelloOptions& options) {
    return std::vector<Buffer>{Syn(flow),
                               Data(flow, 0, TlsRecords(ClientHello(options)))};
  };
  return {
      {"tls-name-of-another-type",
       with({.other_name = "other.example.org"}),
       {}},
      {"tls-name-behind-one-of-another-type",
       with({.name = "host.example.org", .other_name = "other.example.org"}),
       {"2 tls host.example.org"}},
      {"tls-records-of-one-byte",
       {Syn(flow),
        Data(flow, 0,
             TlsRecords(ClientHello({.name = "bytes.example.org"}), 1))},
       {"2 tls bytes.example.org"}},
      // SSL 2's hello has no place for a name.
      {"tls-hello-of-ssl-2",
       {Syn(flow), Data(flow, 0,
                        Writer()
                            .U16(0x802e)
                            .U8(1)
                            .U16(0x0301)
                            .U16(21)
                            .U16(0)
                            .U16(16)
                            .Zeros(37)
                            .bytes())},
       {}}};
}

}  // namespace

std::vector<Scene> TcpScenes() {
  std::vector<Scene> scenes = PacketScenes();
  for (const auto& more : {ConnectionScenes(), SnapScenes(), NameScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
