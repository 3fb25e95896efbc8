// What servers take though no browser sends it, ports that say the wrong
// thing, and streams of which something is missing for good.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kFin = 17;
constexpr uint8_t kSyn = 2;
constexpr uint8_t kAck = 16;
constexpr uint32_t kIsn = 1000;
constexpr uint16_t kA = 1;

Buffer Text(std::string_view text) { return Buffer(text.begin(), text.end()); }

Buffer Hello(const std::string& name) {
  return TlsRecords(ClientHello({.name = name}));
}

Buffer Question(const std::string& name) {
  return WithLength(DnsQuery(name, kA));
}

// A client's parts of a stream, one segment each, from frame 2 on; empty ones
// were lost by the capture, with as many bytes as `lost`.
Scene Said(const std::string& title, const Flow& flow,
           const std::vector<Buffer>& parts,
           const std::vector<std::string>& expected, uint32_t lost = 0) {
  Scene scene{title, {TcpFrame(flow, true, kIsn, kSyn, {})}, expected};
  uint32_t seq = kIsn + 1;
  for (const Buffer& part : parts) {
    if (!part.empty()) {
      scene.packets.push_back(TcpFrame(flow, true, seq, kAck, part));
    }
    seq += part.empty() ? lost : static_cast<uint32_t>(part.size());
  }
  return scene;
}

Flow To(uint16_t server_port, uint16_t client_port = 50000) {
  Flow flow;
  flow.client_port = client_port;
  flow.server_port = server_port;
  return flow;
}

std::vector<Scene> PortScenes() {
  const Buffer hello = ClientHello({.name = "quic.example.org"});
  const Buffer plain = Hello("a.example.org");
  const auto initial = [&](uint16_t port) {
    return UdpFrame(To(443, port), true,
                    Initial({}, CryptoFrame(0, Bytes(hello))));
  };
  return {Said("port-tls-from-mdns", To(443, 5353), {Hello("a.example.org")},
               {"2 tls a.example.org"}),
          Said("port-tls-from-llmnr", To(443, 5355), {Hello("a.example.org")},
               {"2 tls a.example.org"}),
          Said("as-is-tls-from-dns", To(443, 53), {Hello("a.example.org")},
               {"2 tls a.example.org"}),
          Said("as-is-tls-to-dns-in-two", To(53),
               {Buffer(plain.begin(), plain.begin() + 50),
                Buffer(plain.begin() + 50, plain.end())},
               {"3 tls a.example.org"}),
          Said("as-is-tls-to-dns", To(53), {Hello("a.example.org")},
               {"2 tls a.example.org"}),
          Said("port-dns-from-llmnr", To(53, 5355), {Question("a.example.org")},
               {"2 dns a.example.org"}),
          {"port-quic-from-mdns", {initial(5353)}, {"1 quic quic.example.org"}},
          {"port-quic-from-dns", {initial(53)}, {"1 quic quic.example.org"}}};
}

std::vector<Scene> HelloScenes() {
  const Buffer plain = Hello("odd.example.org");
  const std::vector<std::string> told = {"2 tls odd.example.org"};
  const auto with = [&](size_t at, Buffer bytes) {
    Buffer hello = plain;
    std::copy(bytes.begin(), bytes.end(),
              hello.begin() + static_cast<long>(at));
    return hello;
  };
  const Buffer empty = {22, 3, 3, 0, 0};
  const Buffer body(plain.begin() + 5, plain.end());
  const auto record = [](Bytes part) {
    return Writer().U8(22).U16(0x037f).U16(part.size()).Put(part).bytes();
  };
  const Buffer halves =
      record(Bytes(body).first(40)) + empty + record(Bytes(body).subspan(40));
  return {Said("hello-record-version-5", To(443), {with(1, {3, 5})}, told),
          Said("hello-record-version-255", To(443), {with(1, {3, 0xff})}, told),
          Said("hello-behind-empty-records", To(443),
               {empty + empty + plain, plain}, told),
          Said("hello-with-an-empty-record-between", To(443), {halves}, told)};
}

std::vector<Scene> RequestScenes() {
  const Flow proxy = To(3128);
  const Buffer connect = Text("CONNECT same.example.org:443 HTTP/1.1\r\n\r\n");
  return {
      Said("request-with-a-user", proxy,
           {Text("GET http://me:secret@real.example.org/ HTTP/1.1\r\n\r\n")},
           {"2 http real.example.org"}),
      Said("request-with-a-host-for-a-user", proxy,
           {Text("GET http://decoy.example@real.example.org/ HTTP/1.1\r\n"
                 "\r\n")},
           {"2 http real.example.org"}),
      Said("request-of-webdav", To(80),
           {Text("LOCK / HTTP/1.1\r\nHost: dav.example.org\r\n\r\n")},
           {"2 http dav.example.org"}),
      Said("request-of-webdav-cut-in-its-method", To(80),
           {Text("PROPPAT"),
            Text("CH / HTTP/1.1\r\nHost: dav.example.org\r\n\r\n")},
           {"3 http dav.example.org"}),
      Said("request-with-a-blank-behind", To(80),
           {Text("GET / HTTP/1.1 \r\nHost: blank.example.org\r\n\r\n")},
           {"2 http blank.example.org"}),
      Said("request-and-hello-for-one-host", proxy,
           {connect, Hello("same.example.org")},
           {"2 http same.example.org", "3 tls same.example.org"})};
}

// A capture that lost something is read on behind it.
std::vector<Scene> LossScenes() {
  const Flow dns = To(53);
  std::vector<Buffer> many;
  std::vector<std::string> told;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "q" + std::to_string(i) + ".example.org";
    many.push_back(i == 1 ? Buffer() : Question(name));
    if (i == 1) continue;
    // All behind the gap are told at the end.
    told.push_back((i == 0 ? "2 dns " : "30 dns ") + name);
  }
  const Buffer last = Question("last.example.org");
  Buffer longest = DnsQuery("long.example.org", kA);
  longest.resize(0xffff);
  longest = WithLength(longest);
  const Buffer half(longest.begin(), longest.begin() + 33'000);
  const Buffer rest(longest.begin() + 33'000, longest.end());
  // Bytes from the middle of something, which look like a question.
  const Buffer middle = Buffer{0x77, 0x77} + DnsQuery("mid.example.org", kA);
  return {
      Said("as-is-loss-of-a-question", dns, many, told,
           static_cast<uint32_t>(Question("q1.example.org").size())),
      Said("loss-before-the-end", dns, {Question("one.example.org"), {}, last},
           {"2 dns one.example.org", "3 dns last.example.org"}, 40),
      Said("loss-of-more-than-is-kept", dns,
           {Question("one.example.org"), {}, last},
           {"2 dns one.example.org", "3 dns last.example.org"}, 70'000),
      Said("message-as-long-as-may-be", dns, {half, rest + last},
           {"3 dns long.example.org", "3 dns last.example.org"}),
      {"loss-in-the-middle-invents-nothing",
       {TcpFrame(dns, true, 500, kAck, middle),
        TcpFrame(dns, true, 1500, kAck, Buffer(20, 0x77))},
       {}},
      Said("message-too-short-in-front", dns,
           {Buffer{0, 1, 9} + Question("one.example.org")},
           {"2 dns one.example.org"}),
      Said("messages-without-content-in-front", dns,
           {Buffer(10, 0) + Question("one.example.org")},
           {"2 dns one.example.org"})};
}

// Sequence numbers that do not go on where the SYN said.
std::vector<Scene> BeginningScenes() {
  const Buffer tls = Hello("again.example.org");
  const Buffer first(tls.begin(), tls.begin() + 60);
  const Buffer second(tls.begin() + 60, tls.end());
  const auto syn = [](const Flow& flow, uint32_t isn) {
    return TcpFrame(flow, true, isn, kSyn, {});
  };
  const auto data = [](const Flow& flow, uint32_t seq, const Buffer& bytes) {
    return TcpFrame(flow, true, seq, kAck, bytes);
  };
  const Flow web = To(443);
  const Flow dns = To(53);
  const Buffer question = Question("again.example.org");
  const Buffer other = Question("other.example.org");
  return {{"begins-again-unanswered",
           {syn(web, 90000), syn(web, 500), data(web, 501, first),
            data(web, 561, second)},
           {"4 tls again.example.org"}},
          {"begins-again-after-an-end",
           {syn(web, 90000), TcpFrame(web, true, 90001, kFin, {}),
            syn(web, 500), data(web, 501, first), data(web, 561, second)},
           {"5 tls again.example.org"}},
          {"begins-again-dns",
           {syn(dns, 90000), syn(dns, 500), data(dns, 501, question)},
           {"3 dns again.example.org"}},
          {"begins-again-dns-higher",
           {syn(dns, 500), syn(dns, 90000), data(dns, 90001, question)},
           {"3 dns again.example.org"}},
          {"begins-twice-and-the-first-was-right",
           {syn(web, 500), syn(web, 5500), data(web, 501, first),
            data(web, 561, second)},
           {"4 tls again.example.org"}},
          {"begins-twice-and-the-first-was-right-dns",
           {syn(dns, 500), syn(dns, 90000), data(dns, 501, question)},
           {"3 dns again.example.org"}},
          {"begins-on-its-syn",
           {syn(web, 500), data(web, 500, tls)},
           {"2 tls again.example.org"}},
          {"begins-on-its-syn-dns",
           {syn(dns, 500), data(dns, 500, question)},
           {"2 dns again.example.org"}},
          {"sent-again-all-of-it",
           {syn(dns, 500), data(dns, 501, question),
            data(dns, 501 + static_cast<uint32_t>(question.size()), other),
            data(dns, 501, question + other)},
           {"2 dns again.example.org", "3 dns other.example.org"}},
          {"as-is-sent-again-with-other-words",
           {syn(dns, 500), data(dns, 501, question), data(dns, 501, question),
            data(dns, 501, other)},
           {"2 dns again.example.org", "4 dns other.example.org"}}};
}

}  // namespace

std::vector<Scene> LenientScenes() {
  std::vector<Scene> scenes = PortScenes();
  for (const auto& more :
       {HelloScenes(), RequestScenes(), LossScenes(), BeginningScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
