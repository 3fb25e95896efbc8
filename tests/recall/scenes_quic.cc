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
                            .Put("CHLO")
                            .Put(Bytes(Buffer{2, 0, 0, 0}))
                            .Put(std::string_view("PAD\0", 4))
                            .Put(Bytes(Buffer{20, 0, 0, 0}))
                            .Put(std::string_view("SNI\0", 4))
                            .Put(Bytes(Buffer{38, 0, 0, 0}))
                            .Zeros(20)
                            .Put("google.example.org")
                            .bytes();
  scenes.push_back(
      {"quic-google", {Sent(google)}, {"1 quic google.example.org"}});
  Buffer damaged = Initial({}, Crypto(small, 0, 9999));
  damaged[600] ^= 1;
  scenes.push_back({"quic-damaged", {Sent(damaged)}, {}});
  return scenes;
}

}  // namespace

std::vector<Scene> QuicScenes() {
  std::vector<Scene> scenes = {Simple("quic-v1", 1),
                               Simple("quic-v2", 0x6b3343cf),
                               Simple("quic-draft-22", 0xff000016),
                               Simple("quic-draft-23", 0xff000017),
                               Simple("quic-draft-27", 0xff00001b),
                               Simple("quic-draft-29", 0xff00001d),
                               Simple("quic-draft-32", 0xff000020),
                               Simple("quic-draft-34", 0xff000022),
                               Simple("quic-v2-drafts", 0x709a50c4),
                               Scrambled("quic-scrambled-v1", 1),
                               Scrambled("quic-scrambled-v2", 0x6b3343cf)};
  for (const Scene& scene : ConnectionScenes()) scenes.push_back(scene);
  return scenes;
}

}  // namespace schoolgate::traffic
