#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

Buffer Crypto(const Buffer& message, size_t begin, size_t end) {
  end = std::min(end, message.size());
  return CryptoFrame(begin, Bytes(message).subspan(begin, end - begin));
}

Buffer Sent(const Buffer& datagram) { return UdpFrame({}, true, datagram); }

// Padded to its full size, so that it needs two datagrams.
Buffer Large(const std::string& name) {
  return ClientHello({.name = name, .alpn = {"h3"}, .padding = 1500});
}

Scene Simple(const std::string& title, uint32_t version) {
  const Buffer hello = ClientHello({.name = title + ".example.org"});
  return {title,
          {Sent(Initial({.version = version}, Crypto(hello, 0, 9999)))},
          {"1 quic " + title + ".example.org"}};
}

Scene Scrambled(const std::string& title, uint32_t version) {
  const Buffer hello = Large("scrambled.example.org");
  const Buffer ping = {1, 0, 0};
  const Buffer one = Crypto(hello, 1500, 9999) + ping +
                     Crypto(hello, 200, 800) + Crypto(hello, 0, 90);
  const Buffer two = Crypto(hello, 1000, 1500) + Crypto(hello, 90, 200) + ping +
                     Crypto(hello, 700, 1000);
  return {title,
          {Sent(Initial({.version = version, .number = 0}, one)),
           Sent(Initial({.version = version, .number = 1}, two))},
          {"2 quic scrambled.example.org"}};
}

// Of Google's own handshake.
Buffer GoogleHello() {
  return Writer()
      .Put("CHLO")
      .Put(Bytes(Buffer{2, 0, 0, 0}))
      .Put(std::string_view("PAD\0", 4))
      .Put(Bytes(Buffer{20, 0, 0, 0}))
      .Put(std::string_view("SNI\0", 4))
      .Put(Bytes(Buffer{38, 0, 0, 0}))
      .Zeros(20)
      .Put("google.example.org")
      .bytes();
}

// Its last version carried that in Initials, with a frame of its own.
std::vector<Scene> GoogleScenes() {
  constexpr uint32_t kQ050 = 0x51303530;
  const Buffer hello = GoogleHello();
  const auto frame = [&](size_t begin, size_t end) {
    Buffer made = Crypto(hello, begin, end);
    made[0] = 8;
    return made;
  };
  return {{"quic-google-q050",
           {Sent(Initial({.version = kQ050}, frame(0, 9999)))},
           {"1 quic google.example.org"}},
          {"quic-google-q050-in-two",
           {Sent(Initial({.version = kQ050, .number = 2}, frame(30, 9999))),
            Sent(Initial({.version = kQ050, .number = 1}, frame(0, 30)))},
           {"2 quic google.example.org"}}};
}

std::vector<Scene> ConnectionScenes() {
  std::vector<Scene> scenes;
  const Buffer hello = Large("moved.example.org");
  const Buffer chosen = {9, 9, 9, 9, 9};
  const Buffer original = {1, 2, 3, 4, 5, 6, 7, 8};
  scenes.push_back(
      {"quic-connection-id-changes",
       {Sent(Initial({.number = 0}, Crypto(hello, 0, 1000))),
        Sent(Initial({.destination = chosen, .key_id = original, .number = 1},
                     Crypto(hello, 1000, 9999)))},
       {"2 quic moved.example.org"}});
  const Buffer retry =
      Writer().U8(0xf0).U32(1).U8(0).U8(5).Put(chosen).Zeros(40).bytes();
  scenes.push_back(
      {"quic-retry",
       {Sent(Initial({.number = 0}, Crypto(hello, 0, 1000))),
        UdpFrame({}, false, retry),
        Sent(Initial({.destination = chosen, .number = 1, .token = {7, 7}},
                     Crypto(hello, 0, 1000))),
        Sent(Initial({.destination = chosen, .number = 2, .token = {7, 7}},
                     Crypto(hello, 1000, 9999)))},
       {"4 quic moved.example.org"}});
  const Buffer small = ClientHello({.name = "coalesced.example.org"});
  const Buffer zero_rtt = Writer()
                              .U8(0xd3)
                              .U32(1)
                              .U8(8)
                              .Put(original)
                              .U8(0)
                              .U16(0x4000 | 30)
                              .Zeros(30)
                              .bytes();
  scenes.push_back(
      {"quic-coalesced-behind-0rtt",
       {Sent(zero_rtt +
             Initial({.pad_to = 0}, Crypto(small, 0, 9999) + Buffer(20)))},
       {"1 quic coalesced.example.org"}});
  const Buffer negotiation = Writer()
                                 .U8(0x80)
                                 .U32(0)
                                 .U8(0)
                                 .U8(8)
                                 .Put(original)
                                 .U32(1)
                                 .Zeros(20)
                                 .bytes();
  scenes.push_back({"quic-version-negotiation",
                    {Sent(Initial({.version = 0x1a2a3a4a}, Buffer(50))),
                     UdpFrame({}, false, negotiation),
                     Sent(Initial({}, Crypto(small, 0, 9999)))},
                    {"3 quic coalesced.example.org"}});
  const Buffer google = Writer()
                            .U8(0x0d)
                            .Put("12345678Q043")
                            .Zeros(13)
                            .U32(0xa0010004)
                            .Put(GoogleHello())
                            .bytes();
  scenes.push_back(
      {"quic-google", {Sent(google)}, {"1 quic google.example.org"}});
  scenes.push_back({"quic-0rtt-first",
                    {Sent(zero_rtt), Sent(zero_rtt),
                     Sent(Initial({}, Crypto(small, 0, 9999)))},
                    {"3 quic coalesced.example.org"}});
  Buffer damaged = Initial({}, Crypto(small, 0, 9999));
  damaged[600] ^= 1;
  scenes.push_back({"quic-damaged", {Sent(damaged)}, {}});
  scenes.push_back({"quic-behind-a-damaged-one",
                    {Sent(damaged), Sent(Initial({}, Crypto(small, 0, 9999)))},
                    {"2 quic coalesced.example.org"}});
  return scenes;
}

// Headers of every shape, and packets beside the one that bears the name.
std::vector<Scene> PacketScenes() {
  const Buffer hello = ClientHello({.name = "shape.example.org"});
  const Buffer all = Crypto(hello, 0, 9999);
  const std::string told = " quic shape.example.org";
  const Buffer long_id(20, 7);
  std::vector<Scene> scenes;
  for (size_t bytes = 1; bytes <= 3; ++bytes) {
    scenes.push_back(
        {"quic-packet-number-of-" + std::to_string(bytes) + "-bytes",
         {Sent(Initial({.number = 5, .number_bytes = bytes}, all))},
         {"1" + told}});
  }
  scenes.push_back({"quic-long-ids-and-token",
                    {Sent(Initial({.destination = long_id,
                                   .source = Buffer(20, 8),
                                   .token = Buffer(200, 9)},
                                  all))},
                    {"1" + told}});
  scenes.push_back({"quic-without-the-fixed-bit",
                    {Sent(Initial({.fixed_bit = false}, all))},
                    {"1" + told}});
  Flow odd;
  odd.server_port = 8853;
  scenes.push_back({"quic-on-any-port",
                    {UdpFrame(odd, true, Initial({}, all))},
                    {"1" + told}});
  scenes.push_back(
      {"quic-over-ipv6",
       {Ethernet(0x86dd, Ipv6(2, 1, 17, Udp(50000, 443, Initial({}, all))))},
       {"1" + told}});
  // An acknowledgement in front: two ranges, then ECN counts.
  const Buffer ack = {2, 9, 0, 1, 1, 2, 3, 3, 5, 0, 0, 2, 1, 1, 1};
  scenes.push_back({"quic-behind-acknowledgements",
                    {Sent(Initial({}, ack + Buffer(5) + Buffer{1} + all))},
                    {"1" + told}});
  scenes.push_back(
      {"quic-sent-again",
       {Sent(Initial({.number = 0}, all)), Sent(Initial({.number = 1}, all))},
       {"1" + told}});
  const Buffer zeros(300);
  scenes.push_back({"quic-zeros-behind-the-packet",
                    {Sent(Initial({.pad_to = 0}, all + Buffer(20)) + zeros)},
                    {"1" + told}});
  // The offload of sending hands two datagrams on as one.
  const Buffer large = Large("shape.example.org");
  scenes.push_back({"quic-two-datagrams-as-one",
                    {Sent(Initial({.number = 0}, Crypto(large, 0, 1000)) +
                          Initial({.number = 1}, Crypto(large, 1000, 9999)))},
                    {"1" + told}});
  // Firefox pads behind its packets.
  scenes.push_back(
      {"quic-two-padded-datagrams-as-one",
       {Sent(Initial({.number = 0}, Crypto(large, 0, 1000)) + Buffer(32) +
             Initial({.number = 1}, Crypto(large, 1000, 9999)) + Buffer(32))},
       {"1" + told}});
  return scenes;
}

std::vector<Scene> VersionScenes() {
  std::vector<Scene> scenes;
  const Buffer one = ClientHello({.name = "one.example.org"});
  const Buffer two = ClientHello({.name = "two.example.org"});
  // A browser may use the same port for its next connection.
  scenes.push_back(
      {"quic-second-connection-on-the-ports",
       {Sent(Initial({}, Crypto(one, 0, 9999))),
        Sent(Initial({.destination = Buffer(8, 5)}, Crypto(two, 0, 9999)))},
       {"1 quic one.example.org", "2 quic two.example.org"}});
  // What the server sends is protected with other keys.
  scenes.push_back(
      {"quic-only-the-server",
       {UdpFrame({}, false,
                 Initial({.destination = Buffer(8, 5), .key_id = Buffer(8, 6)},
                         Crypto(one, 0, 9999)))},
       {}});
  scenes.push_back(
      {"quic-of-an-unknown-version",
       {Sent(Initial({.version = 0x12345678}, Crypto(one, 0, 9999)))},
       {}});
  // Begun in version 1, continued in 2 as the server prefers (RFC 9369, 4.1).
  const Buffer large = Large("switch.example.org");
  scenes.push_back({"quic-v2-after-v1",
                    {Sent(Initial({}, Crypto(large, 0, 900))),
                     Sent(Initial({.version = 0x6b3343cf,
                                   .destination = Buffer(8, 4),
                                   .key_id = {1, 2, 3, 4, 5, 6, 7, 8},
                                   .number = 1},
                                  Crypto(large, 900, 9999)))},
                    {"2 quic switch.example.org"}});
  return scenes;
}

// What a client may do to its CRYPTO frames, and the ids and tokens it has.
std::vector<Scene> PieceScenes() {
  std::vector<Scene> scenes;
  const Buffer hello = Large("pieces.example.org");
  const std::string told = " quic pieces.example.org";
  const auto initial = [](uint32_t number, const Buffer& frames) {
    return Sent(Initial({.number = number}, frames));
  };
  scenes.push_back(
      {"quic-pieces-doubled-and-overlapping",
       {initial(0, Crypto(hello, 0, 500) + Crypto(hello, 300, 700) +
                       Crypto(hello, 0, 200)),
        initial(1, Crypto(hello, 650, 1300) + Crypto(hello, 650, 700)),
        initial(2, Crypto(hello, 400, 900) + Crypto(hello, 1200, 9999))},
       {"3" + told}});
  scenes.push_back({"quic-last-piece-first",
                    {initial(2, Crypto(hello, 1300, 9999)),
                     initial(1, Crypto(hello, 600, 1300)),
                     initial(0, Crypto(hello, 0, 600))},
                    {"3" + told}});
  scenes.push_back({"quic-last-piece-lost",
                    {initial(0, Crypto(hello, 0, 1000))},
                    {"1" + told}});
  scenes.push_back(
      {"quic-first-piece-lost", {initial(1, Crypto(hello, 90, 1200))}, {}});
  // As some browsers do against boxes that look for a name: bytes of it in
  // frames of their own, backwards.
  Buffer small = ClientHello({.name = "pieces.example.org"});
  Buffer bytewise;
  for (size_t at = small.size(); at > 0; at -= std::min<size_t>(at, 3)) {
    const size_t begin = at - std::min<size_t>(at, 3);
    bytewise = bytewise + Crypto(small, begin, at) + Buffer{0, 1};
  }
  scenes.push_back({"quic-pieces-of-three-bytes-backwards",
                    {Sent(Initial({.pad_to = 1400}, bytewise))},
                    {"1" + told}});
  // What is already there is not exchanged.
  Buffer other = hello;
  std::fill(other.begin() + 60, other.end(), uint8_t{'x'});
  scenes.push_back(
      {"quic-pieces-sent-again-otherwise",
       {initial(0, Crypto(hello, 0, 1000)), initial(1, Crypto(other, 0, 1000)),
        initial(2, Crypto(hello, 1000, 9999))},
       {"3" + told}});
  const Buffer all = Crypto(small, 0, 9999);
  for (const size_t bytes : {0, 1, 7, 20}) {
    const Buffer id(bytes, 7);
    scenes.push_back({"quic-id-of-" + std::to_string(bytes) + "-bytes",
                      {Sent(Initial({.destination = id, .source = id}, all))},
                      {"1" + told}});
  }
  const Buffer original = {1, 2, 3, 4, 5, 6, 7, 8};
  scenes.push_back(
      {"quic-server-without-an-id",
       {initial(0, Crypto(hello, 0, 1000)),
        Sent(Initial({.destination = {}, .key_id = original, .number = 1},
                     Crypto(hello, 1000, 9999)))},
       {"2" + told}});
  for (const size_t bytes : {1, 63, 64, 800}) {
    scenes.push_back({"quic-token-of-" + std::to_string(bytes) + "-bytes",
                      {Sent(Initial({.token = Buffer(bytes, 9)}, all))},
                      {"1" + told}});
  }
  scenes.push_back(
      {"quic-initial-behind-another-version",
       {Sent(Initial({.version = 0x6b3343cf, .pad_to = 0}, Buffer(30)) +
             Initial({}, all))},
       {"1" + told}});
  return scenes;
}

// Retry and negotiation in the later version, and a client that greases.
std::vector<Scene> LaterVersionScenes() {
  constexpr uint32_t kVersion2 = 0x6b3343cf;
  const Buffer hello = Large("later.example.org");
  const Buffer small = ClientHello({.name = "later.example.org"});
  const Buffer chosen = {9, 9, 9, 9, 9};
  const std::string told = " quic later.example.org";
  std::vector<Scene> scenes;
  // Version 2 numbers its kinds of packets otherwise.
  const Buffer retry = Writer()
                           .U8(0xc0)
                           .U32(kVersion2)
                           .U8(0)
                           .U8(5)
                           .Put(chosen)
                           .Zeros(40)
                           .bytes();
  scenes.push_back(
      {"quic-v2-retry",
       {Sent(Initial({.version = kVersion2}, Crypto(hello, 0, 1000))),
        UdpFrame({}, false, retry),
        Sent(Initial({.version = kVersion2,
                      .destination = chosen,
                      .number = 1,
                      .token = Buffer(70, 7)},
                     Crypto(hello, 0, 1000))),
        Sent(Initial({.version = kVersion2,
                      .destination = chosen,
                      .number = 2,
                      .token = Buffer(70, 7)},
                     Crypto(hello, 1000, 9999)))},
       {"4" + told}});
  const Buffer zero_rtt = Writer()
                              .U8(0xe3)
                              .U32(kVersion2)
                              .U8(8)
                              .Put(Buffer{1, 2, 3, 4, 5, 6, 7, 8})
                              .U8(0)
                              .U16(0x4000 | 30)
                              .Zeros(30)
                              .bytes();
  scenes.push_back(
      {"quic-v2-coalesced-behind-0rtt",
       {Sent(zero_rtt + Initial({.version = kVersion2, .pad_to = 0},
                                Crypto(small, 0, 9999) + Buffer(20)))},
       {"1" + told}});
  // RFC 9368: the server answers a whole hello of version 1 in version 2, and
  // the client says it once more so.
  scenes.push_back({"quic-v2-whole-hello-again",
                    {Sent(Initial({}, Crypto(small, 0, 9999))),
                     Sent(Initial({.version = kVersion2,
                                   .destination = chosen,
                                   .key_id = {1, 2, 3, 4, 5, 6, 7, 8},
                                   .number = 1},
                                  Crypto(small, 0, 9999)))},
                    {"1" + told}});
  const Buffer negotiation = Writer()
                                 .U8(0xca)
                                 .U32(0)
                                 .U8(0)
                                 .U8(8)
                                 .Zeros(8)
                                 .U32(kVersion2)
                                 .U32(1)
                                 .U32(0x2a3a4a5a)
                                 .bytes();
  scenes.push_back(
      {"quic-greased-then-v2",
       {Sent(Initial({.version = 0x5a6a7a8a}, Buffer(50))),
        UdpFrame({}, false, negotiation),
        Sent(Initial({.version = kVersion2}, Crypto(small, 0, 9999)))},
       {"3" + told}});
  scenes.push_back(
      {"quic-ech",
       {Sent(Initial(
           {}, Crypto(ClientHello({.name = "cover.example.org", .ech = true}),
                      0, 9999)))},
       {"1 quic cover.example.org"}});
  return scenes;
}

}  // namespace

std::vector<Scene> QuicScenes() {
  std::vector<Scene> scenes = {
      Simple("quic-v1", 1), Simple("quic-v2", 0x6b3343cf),
      Simple("quic-v2-drafts", 0x709a50c4), Scrambled("quic-scrambled-v1", 1),
      Scrambled("quic-scrambled-v2", 0x6b3343cf)};
  for (uint32_t draft = 22; draft <= 34; ++draft) {
    scenes.push_back(
        Simple("quic-draft-" + std::to_string(draft), 0xff000000 | draft));
  }
  for (const auto& more :
       {ConnectionScenes(), GoogleScenes(), PacketScenes(), VersionScenes(),
        PieceScenes(), LaterVersionScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
