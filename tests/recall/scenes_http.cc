// Requests of plain HTTP and of proxies, as they come in real life.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kSyn = 2;
constexpr uint8_t kAck = 16;

Buffer Text(std::string_view text) { return Buffer(text.begin(), text.end()); }

// A client's parts of a stream, one segment each, from frame 2 on.
Scene Said(const std::string& title, const std::vector<Buffer>& parts,
           const std::vector<std::string>& expected, uint16_t port = 80) {
  Flow flow;
  flow.server_port = port;
  Scene scene{title, {TcpFrame(flow, true, 1000, kSyn, {})}, expected};
  uint32_t seq = 1001;
  for (const Buffer& part : parts) {
    scene.packets.push_back(TcpFrame(flow, true, seq, kAck, part));
    seq += static_cast<uint32_t>(part.size());
  }
  return scene;
}

}  // namespace

std::vector<Scene> HttpScenes() {
  const Buffer hello = TlsRecords(ClientHello({.name = "inner.example.org"}));
  const Buffer half(hello.begin(), hello.begin() + 60);
  const Buffer rest(hello.begin() + 60, hello.end());
  const Buffer connect = Text(
      "CONNECT tunnel.example.org:443 HTTP/1.1\r\n"
      "Host: other.example.org\r\n\r\n");
  const std::string body(700, 'b');
  const std::string field = "X-Long: " + std::string(3000, 'v') + "\r\n";
  const std::string request =
      "GET / HTTP/1.1\r\n" + field + "Host: late.example.org\r\n\r\n";
  return {
      Said("http-absolute",
           {Text("GET http://Absolute.example.org/a?b HTTP/1.1\r\n"
                 "Host: other.example.org\r\n\r\n")},
           {"2 http absolute.example.org"}, 3128),
      Said("http-connect-and-hello-in-one-segment", {connect + hello},
           {"2 http tunnel.example.org", "2 tls inner.example.org"}, 3128),
      Said("http-connect-and-half-a-hello", {connect + half, rest},
           {"2 http tunnel.example.org", "3 tls inner.example.org"}, 3128),
      Said("http-pipelined",
           {Text("GET /a HTTP/1.1\r\nHost: one.example.org\r\n\r\n"
                 "GET /b HTTP/1.1\r\nHost: two.example.org\r\n\r\n")},
           {"2 http one.example.org", "2 http two.example.org"}),
      Said(
          "http-kept-alive-behind-a-body",
          {Text("POST / HTTP/1.1\r\nHost: one.example.org\r\n"
                "Content-Length: 700\r\n\r\n"),
           Text(body), Text("GET / HTTP/1.1\r\nHost: two.example.org\r\n\r\n")},
          {"2 http one.example.org", "4 http two.example.org"}),
      Said("http-host-in-the-third-segment",
           {Text(request.substr(0, 1400)), Text(request.substr(1400, 1400)),
            Text(request.substr(2800))},
           {"4 http late.example.org"}),
      Said("http-one-byte-then-the-rest",
           {Text("G"), Text("ET / HTTP/1.1\r\nHost: byte.example.org\r\n\r\n")},
           {"3 http byte.example.org"}),
      Said("http-upgrade",
           {Text("GET /chat HTTP/1.1\r\nHost: ws.example.org\r\n"
                 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            Buffer{0x81, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
           {"2 http ws.example.org"}),
      Said("http-ipv6-literal",
           {Text("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n")},
           {"2 http 2001:db8::1"}),
      Said("http-without-a-host", {Text("GET / HTTP/1.0\r\n\r\n")}, {}),
      Said("http-on-any-port",
           {Text("HEAD / HTTP/1.1\nHost: lines.example.org\n\n")},
           {"2 http lines.example.org"}, 49152)};
}

}  // namespace schoolgate::traffic
