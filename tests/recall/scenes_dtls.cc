// DTLS, whose hello may come in any order, twice, and again with a cookie.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

Buffer Sent(const Buffer& datagram) { return UdpFrame({}, true, datagram); }

Buffer Hello(const std::string& name, uint16_t version, size_t padding = 0) {
  return ClientHello({.name = name,
                      .alpn = {},
                      .padding = padding,
                      .datagram = true,
                      .datagram_version = version});
}

// Bytes [begin, end) of the message's body, as a fragment of their own.
Buffer Fragment(const Buffer& whole, size_t begin, size_t end) {
  Writer message;
  message.Put(Bytes(whole).first(6));
  message.U24(static_cast<unsigned>(begin));
  message.U24(static_cast<unsigned>(end - begin));
  return message.Put(Bytes(whole).subspan(12 + begin, end - begin)).bytes();
}

// The same hello with a cookie, as the second of its handshake.
Buffer WithCookie(const Buffer& whole) {
  const size_t at = 12 + 2 + 32 + 1 + 32;  // of the cookie's length
  const size_t length = whole.size() - 12 + 20;
  Writer message;
  message.U8(1).U24(static_cast<unsigned>(length)).U16(1).U24(0);
  message.U24(static_cast<unsigned>(length));
  message.Put(Bytes(whole).subspan(12, at - 12)).U8(20).Zeros(20);
  return message.Put(Bytes(whole).subspan(at + 1)).bytes();
}

}  // namespace

std::vector<Scene> DtlsScenes() {
  std::vector<Scene> scenes;
  for (const auto& [title, version] :
       {std::pair("dtls-1-0", 0xfeff), std::pair("dtls-1-2", 0xfefd),
        std::pair("dtls-of-old-openssl", 0x0100)}) {
    const auto wire = static_cast<uint16_t>(version);
    scenes.push_back({title,
                      {Sent(DtlsRecord(Hello("dtls.example.org", wire), wire))},
                      {"1 tls dtls.example.org"}});
  }
  const Buffer whole = Hello("dtls.example.org", 0xfefd, 1500);
  const size_t body = whole.size() - 12;
  const auto piece = [&](size_t begin, size_t end) {
    return DtlsRecord(Fragment(whole, begin, end));
  };
  scenes.push_back({"dtls-fragments-overlap",
                    {Sent(piece(0, 800)), Sent(piece(0, 800)),
                     Sent(piece(1200, body)), Sent(piece(700, 1300))},
                    {"4 tls dtls.example.org"}});
  scenes.push_back({"dtls-fragments-in-one-datagram",
                    {Sent(piece(600, body) + piece(0, 600))},
                    {"1 tls dtls.example.org"}});
  const Buffer two = Fragment(whole, 0, 500) + Fragment(whole, 500, body);
  scenes.push_back({"dtls-fragments-in-one-record",
                    {Sent(DtlsRecord(two))},
                    {"1 tls dtls.example.org"}});
  const Buffer request = Writer()
                             .U8(22)
                             .U16(0xfeff)
                             .Zeros(8)
                             .U16(12 + 23)
                             .U8(3)
                             .U24(23)
                             .U16(0)
                             .U24(0)
                             .U24(23)
                             .U16(0xfeff)
                             .U8(20)
                             .Zeros(20)
                             .bytes();
  const Buffer small = Hello("cookie.example.org", 0xfefd);
  scenes.push_back({"dtls-hello-again-with-a-cookie",
                    {Sent(DtlsRecord(small)), UdpFrame({}, false, request),
                     Sent(DtlsRecord(WithCookie(small)))},
                    {"1 tls cookie.example.org"}});
  scenes.push_back(
      {"dtls-only-the-hello-with-a-cookie",
       {Sent(DtlsRecord(WithCookie(Hello("cookie.example.org", 0xfefd))))},
       {"1 tls cookie.example.org"}});
  return scenes;
}

}  // namespace schoolgate::traffic
