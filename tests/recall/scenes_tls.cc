#include <algorithm>

#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kSyn = 2;
constexpr uint8_t kSynAck = 18;
constexpr uint8_t kAck = 16;
constexpr uint32_t kIsn = 1000;

Buffer Part(const Buffer& bytes, size_t begin, size_t end) {
  return Buffer(bytes.begin() + static_cast<long>(begin),
                bytes.begin() + static_cast<long>(std::min(end, bytes.size())));
}

Buffer Syn(const Flow& flow, uint32_t isn = kIsn) {
  return TcpFrame(flow, true, isn, kSyn, {});
}

Buffer Data(const Flow& flow, uint32_t offset, const Buffer& bytes) {
  return TcpFrame(flow, true, kIsn + 1 + offset, kAck, bytes);
}

// About 2 kB, as today's browsers send.
Buffer Large(const std::string& name) {
  return TlsRecords(ClientHello({.name = name, .padding = 1700}));
}

Buffer Text(std::string_view text) { return Buffer(text.begin(), text.end()); }

std::vector<Scene> SegmentScenes() {
  const Flow flow;
  std::vector<Scene> scenes;
  const Buffer small = TlsRecords(ClientHello({.name = "www.Example.ORG."}));
  scenes.push_back({"tls-one-segment",
                    {Syn(flow), Data(flow, 0, small)},
                    {"2 tls www.example.org"}});
  const Buffer large = Large("split.example.org");
  const Buffer first = Part(large, 0, 1400);
  const Buffer second = Part(large, 1400, 9999);
  scenes.push_back({"tls-two-segments",
                    {Syn(flow), Data(flow, 0, first), Data(flow, 1400, second)},
                    {"3 tls split.example.org"}});
  scenes.push_back({"tls-reversed-segments",
                    {Syn(flow), Data(flow, 1400, second), Data(flow, 0, first)},
                    {"3 tls split.example.org"}});
  scenes.push_back({"tls-reversed-no-syn",
                    {Data(flow, 1400, second), Data(flow, 0, first)},
                    {"2 tls split.example.org"}});
  scenes.push_back({"tls-lost-then-resent",
                    {Syn(flow), Data(flow, 1400, second),
                     Data(flow, 1400, second), Data(flow, 0, large)},
                    {"4 tls split.example.org"}});
  Scene bytewise{"tls-byte-by-byte", {Syn(flow)}, {}};
  for (size_t i = 0; i < small.size(); ++i) {
    bytewise.packets.push_back(
        Data(flow, static_cast<uint32_t>(i), Part(small, i, i + 1)));
  }
  bytewise.expected = {std::to_string(small.size() + 1) +
                       " tls www.example.org"};
  scenes.push_back(bytewise);
  scenes.push_back({"tls-last-segment-lost",
                    {Syn(flow), Data(flow, 0, first)},
                    {"2 tls split.example.org"}});
  scenes.push_back({"tls-middle-segment-lost",
                    {Syn(flow), Data(flow, 0, Part(large, 0, 500)),
                     Data(flow, 1400, second), Data(flow, 2600, second)},
                    {"4 tls split.example.org"}});
  Buffer evil = first;
  for (size_t i = 60; i < evil.size(); ++i) evil[i] = 'x';
  scenes.push_back({"tls-resent-with-other-bytes",
                    {Syn(flow), Data(flow, 0, first), Data(flow, 0, evil),
                     Data(flow, 1400, second)},
                    {"4 tls split.example.org"}});
  scenes.push_back({"tls-overlapping-segments",
                    {Syn(flow), Data(flow, 0, Part(large, 0, 900)),
                     Data(flow, 1200, Part(large, 1200, 9999)),
                     Data(flow, 600, Part(large, 600, 1300))},
                    {"4 tls split.example.org"}});
  return scenes;
}

std::vector<Scene> RecordScenes() {
  Flow flow;
  flow.server_port = 8443;
  std::vector<Scene> scenes;
  const Buffer hello = ClientHello({.name = "records.example.org"});
  scenes.push_back({"tls-many-records",
                    {Syn(flow), Data(flow, 0, TlsRecords(hello, 7))},
                    {"2 tls records.example.org"}});
  const Buffer first = TlsRecords(ClientHello({.name = "one.example.org"}));
  const Buffer changed = Buffer{20, 3, 3, 0, 1, 1} +
                         TlsRecords(ClientHello({.name = "two.example.org"}));
  scenes.push_back({"tls-second-hello-after-retry",
                    {Syn(flow), Data(flow, 0, first),
                     Data(flow, static_cast<uint32_t>(first.size()), changed)},
                    {"2 tls one.example.org", "3 tls two.example.org"}});
  scenes.push_back({"tls-second-hello-in-one-segment",
                    {Syn(flow), Data(flow, 0, first + changed)},
                    {"2 tls one.example.org", "2 tls two.example.org"}});
  scenes.push_back({"tls-in-syn",
                    {TcpFrame(flow, true, kIsn, kSyn, first)},
                    {"1 tls one.example.org"}});
  // What looks like another hello stands where a segment begins, and comes
  // first.
  Buffer decoy =
      TlsRecords(ClientHello({.name = "true.example.org", .padding = 900}));
  const Buffer false_start = {22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  std::copy(false_start.begin(), false_start.end(), decoy.begin() + 500);
  scenes.push_back({"tls-decoy-out-of-order",
                    {Syn(flow), Data(flow, 500, Part(decoy, 500, 9999)),
                     Data(flow, 0, Part(decoy, 0, 500))},
                    {"3 tls true.example.org"}});
  scenes.push_back({"tls-no-name",
                    {Syn(flow), Data(flow, 0, TlsRecords(ClientHello({})))},
                    {}});
  Buffer broken = first;
  broken[5 + 4 + 34] = 33;  // a session id longer than any
  scenes.push_back(
      {"tls-broken-hello", {Syn(flow), Data(flow, 0, broken)}, {}});
  scenes.push_back(
      {"tls-name-with-odd-bytes",
       {Syn(flow),
        Data(flow, 0, TlsRecords(ClientHello({.name = "a b\x01.\xc3\xa9"})))},
       {"2 tls a\\032b\\001.\\195\\169"}});
  return scenes;
}

// The name in sight is told, whether it is a cover, or the extension that would
// say so is there to keep others honest.
std::vector<Scene> EncryptedScenes() {
  const Flow flow;
  const Buffer cover =
      TlsRecords(ClientHello({.name = "cover.example.org", .ech = true}));
  const Buffer large = TlsRecords(
      ClientHello({.name = "cover.example.org", .ech = true, .padding = 1700}));
  return {{"tls-ech",
           {Syn(flow), Data(flow, 0, cover)},
           {"2 tls cover.example.org"}},
          {"tls-ech-reversed",
           {Syn(flow), Data(flow, 1400, Part(large, 1400, 9999)),
            Data(flow, 0, Part(large, 0, 1400))},
           {"3 tls cover.example.org"}},
          {"tls-ech-without-a-cover",
           {Syn(flow), Data(flow, 0, TlsRecords(ClientHello({.ech = true})))},
           {}}};
}

// Of TLS's Chinese relative.
std::vector<Scene> TlcpScenes() {
  Flow flow;
  Buffer hello = TlsRecords(ClientHello({.name = "tlcp.example.org"}));
  hello[1] = hello[2] = hello[9] = hello[10] = 1;
  return {
      {"tlcp", {Syn(flow), Data(flow, 0, hello)}, {"2 tls tlcp.example.org"}},
      {"tlcp-split",
       {Syn(flow), Data(flow, 0, Part(hello, 0, 2)),
        Data(flow, 2, Part(hello, 2, 40)),
        Data(flow, 40, Part(hello, 40, 9999))},
       {"4 tls tlcp.example.org"}}};
}

std::vector<Scene> OtherProtocolScenes() {
  std::vector<Scene> scenes = TlcpScenes();
  Flow mail;
  mail.server_port = 587;
  const Buffer start = Text("EHLO me\r\nSTARTTLS\r\n");
  const Buffer hello = TlsRecords(ClientHello({.name = "mail.example.org"}));
  scenes.push_back({"starttls",
                    {Syn(mail), TcpFrame(mail, false, 5000, kSynAck, {}),
                     TcpFrame(mail, false, 5001, kAck, Text("220 hello\r\n")),
                     Data(mail, 0, start),
                     Data(mail, static_cast<uint32_t>(start.size()), hello)},
                    {"5 tls mail.example.org"}});
  Flow web;
  web.server_port = 80;
  scenes.push_back(
      {"http-host",
       {Syn(web), Data(web, 0,
                       Text("GET / HTTP/1.1\r\nhost: Plain.Example.org:8080"
                            "\r\n\r\n"))},
       {"2 http plain.example.org"}});
  Flow proxy;
  proxy.server_port = 3128;
  const Buffer connect =
      Text("CONNECT tunnel.example.org:443 HTTP/1.1\r\n\r\n");
  scenes.push_back(
      {"http-connect-then-tls",
       {Syn(proxy), Data(proxy, 0, Part(connect, 0, 20)),
        Data(proxy, 20, Part(connect, 20, 999)),
        Data(proxy, static_cast<uint32_t>(connect.size()),
             TlsRecords(ClientHello({.name = "inner.example.org"})))},
       {"3 http tunnel.example.org", "4 tls inner.example.org"}});
  Flow dtls;
  const Buffer whole =
      ClientHello({.name = "dtls.example.org", .datagram = true});
  scenes.push_back({"dtls",
                    {UdpFrame(dtls, true, DtlsRecord(whole))},
                    {"1 tls dtls.example.org"}});
  const size_t body = whole.size() - 12;
  const auto piece = [&](size_t begin, size_t end) {
    Writer message;
    message.Put(Bytes(whole).first(6));
    message.U24(static_cast<unsigned>(begin));
    message.U24(static_cast<unsigned>(end - begin));
    message.Put(Bytes(whole).subspan(12 + begin, end - begin));
    return UdpFrame(dtls, true, DtlsRecord(message.bytes()));
  };
  scenes.push_back({"dtls-fragments",
                    {piece(70, body), piece(0, 70)},
                    {"2 tls dtls.example.org"}});
  return scenes;
}

}  // namespace

std::vector<Scene> TlsScenes() {
  std::vector<Scene> scenes = SegmentScenes();
  for (const Scene& scene : RecordScenes()) scenes.push_back(scene);
  for (const Scene& scene : EncryptedScenes()) scenes.push_back(scene);
  for (const Scene& scene : OtherProtocolScenes()) scenes.push_back(scene);
  return scenes;
}

}  // namespace schoolgate::traffic
