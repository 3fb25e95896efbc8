// TLS that begins after the words of another protocol.
#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint8_t kSyn = 2;
constexpr uint8_t kSynAck = 18;
constexpr uint8_t kAck = 16;

Buffer Text(std::string_view text) { return Buffer(text.begin(), text.end()); }

Buffer Hello(const std::string& name) {
  return TlsRecords(ClientHello({.name = name}));
}

// A client's wish for TLS in MySQL's protocol.
Buffer MySqlWish() {
  return Writer().U32(0x20000001).U32(0x0008a20f).Zeros(28).bytes();
}

// A connection with what is said in turn, the client first; at last the hello.
Scene Behind(const std::string& title, uint16_t port,
             const std::vector<Buffer>& said, bool server_first = false) {
  Flow flow;
  flow.server_port = port;
  Scene scene{title,
              {TcpFrame(flow, true, 1000, kSyn, {}),
               TcpFrame(flow, false, 5000, kSynAck, {})},
              {}};
  uint32_t client = 1001;
  uint32_t server = 5001;
  bool from_client = !server_first;
  for (const Buffer& part : said) {
    uint32_t& seq = from_client ? client : server;
    scene.packets.push_back(TcpFrame(flow, from_client, seq, kAck, part));
    seq += static_cast<uint32_t>(part.size());
    from_client = !from_client;
  }
  scene.packets.push_back(
      TcpFrame(flow, true, client, kAck, Hello(title + ".example")));
  scene.expected = {std::to_string(scene.packets.size()) + " tls " + title +
                    ".example"};
  return scene;
}

std::vector<Scene> MailScenes() {
  return {
      Behind("starttls-smtp", 25,
             {Text("220 mx\r\n"), Text("EHLO a\r\n"),
              Text("250-mx\r\n250 STARTTLS\r\n"), Text("STARTTLS\r\n"),
              Text("220 go\r\n")},
             true),
      Behind("starttls-imap", 143,
             {Text("* OK\r\n"), Text("a STARTTLS\r\n"), Text("a OK\r\n")},
             true),
      Behind("starttls-pop3", 110,
             {Text("+OK\r\n"), Text("STLS\r\n"), Text("+OK\r\n")}, true),
      Behind("starttls-ftp", 21,
             {Text("220 ftp\r\n"), Text("AUTH TLS\r\n"), Text("234\r\n")},
             true),
      Behind("starttls-xmpp", 5222,
             {Text("<stream:stream to='x'>"), Text("<stream:features>"),
              Text("<starttls/>"), Text("<proceed/>")}),
      Behind("starttls-ldap", 389,
             {Buffer{0x30, 0x1d, 2, 1, 1, 0x77, 0x18, 0x80, 0x16} +
                  Text("1.3.6.1.4.1.1466.20037"),
              Buffer{0x30, 0x0c, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0}}),
      Behind("starttls-postgresql", 5432,
             {Buffer{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}, Text("S")}),
      Behind("starttls-mysql", 3306,
             {Buffer{5, 0, 0, 0, 10, '8', '.', '0', 0}, MySqlWish()}, true),
      Behind("starttls-nntp", 119,
             {Text("200 ok\r\n"), Text("STARTTLS\r\n"), Text("382\r\n")}, true),
      Behind("starttls-irc", 6667,
             {Text("STARTTLS\r\n"), Text(":irc 670 * :go\r\n")}),
      Behind("starttls-sieve", 4190,
             {Text("\"STARTTLS\"\r\nOK\r\n"), Text("STARTTLS\r\n"),
              Text("OK\r\n")},
             true),
      Behind("starttls-vnc", 5900,
             {Text("RFB 003.008\n"), Text("RFB 003.008\n"), Buffer{1, 19},
              Buffer{19}, Buffer{0, 2}, Buffer{0, 2}, Buffer{0, 1, 0, 0, 1, 4},
              Buffer{0, 0, 1, 4}, Buffer{1}},
             true)};
}

// Databases whose clients put the hello into the segment of what they ask
// before it, or into packets of their own.
std::vector<Scene> DatabaseScenes() {
  Flow mysql;
  mysql.server_port = 3306;
  Flow postgresql;
  postgresql.server_port = 5432;
  Flow tds;
  tds.server_port = 1433;
  const Buffer hello = Hello("sql.example.org");
  const Buffer ask = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};
  const auto wrapped = [](unsigned type, const Buffer& bytes) {
    return Writer()
        .U8(type)
        .U8(1)
        .U16(static_cast<unsigned>(8 + bytes.size()))
        .U32(0x00000100)
        .Put(bytes)
        .bytes();
  };
  const Buffer options = {0, 0,    6,  0, 6, 1, 0, 12, 0,
                          1, 0xff, 15, 0, 0, 0, 0, 0,  1};
  const Buffer before = wrapped(0x12, options);
  return {{"mysql-hello-in-one-segment",
           {TcpFrame(mysql, true, 1, kAck, MySqlWish() + hello)},
           {"1 tls sql.example.org"}},
          {"postgresql-hello-in-one-segment",
           {TcpFrame(postgresql, true, 1, kAck, ask + hello)},
           {"1 tls sql.example.org"}},
          {"sql-server-wraps-its-hello",
           {TcpFrame(tds, true, 1000, kSyn, {}),
            TcpFrame(tds, true, 1001, kAck, before),
            TcpFrame(tds, false, 5001, kAck, wrapped(4, options)),
            TcpFrame(tds, true, 1001 + static_cast<uint32_t>(before.size()),
                     kAck, wrapped(0x12, hello))},
           {"4 tls sql.example.org"}}};
}

std::vector<Scene> ProxyScenes() {
  std::vector<Scene> scenes = {
      Behind("behind-socks5", 1080,
             {Buffer{5, 1, 0}, Buffer{5, 0},
              Buffer{5, 1, 0, 1, 198, 51, 100, 9, 1, 0xbb},
              Buffer{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}}),
      Behind("behind-socks4", 1080,
             {Buffer{4, 1, 1, 0xbb, 198, 51, 100, 9, 'u', 0},
              Buffer{0, 0x5a, 0, 0, 0, 0, 0, 0}}),
      Behind("behind-socks5-host", 1080,
             {Buffer{5, 2, 0, 2}, Buffer{5, 2},
              Buffer{1, 3, 'a', 'n', 'n', 2, 'p', 'w'}, Buffer{1, 0},
              Buffer{5, 1, 0, 3, 11} + Text("far.example") + Buffer{1, 0xbb},
              Buffer{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}}),
      Behind("behind-socks5-ipv6", 1080,
             {Buffer{5, 1, 0}, Buffer{5, 0},
              Buffer{5, 1, 0, 4} + Buffer(16, 1) + Buffer{1, 0xbb},
              Buffer{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}}),
      Behind("behind-socks4a", 1080,
             {Buffer{4, 1, 1, 0xbb, 0, 0, 0, 1, 'u', 0} + Text("far.example") +
                  Buffer{0},
              Buffer{0, 0x5a, 0, 0, 0, 0, 0, 0}}),
      Behind("behind-rdp", 3389,
             {Buffer{3, 0, 0, 0x13, 0x0e, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0,
                     0, 0},
              Buffer{3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 9, 8, 0,
                     2, 0, 0, 0}})};
  Flow flow;
  const Buffer line = Text("PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n");
  scenes.push_back({"behind-proxy-line",
                    {TcpFrame(flow, true, 1, kAck, line + Hello("a.example"))},
                    {"1 tls a.example"}});
  const Buffer binary = Writer()
                            .Put(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12))
                            .U16(0x2111)
                            .U16(12)
                            .Zeros(12)
                            .Put(Hello("b.example"))
                            .bytes();
  scenes.push_back({"behind-proxy-header",
                    {TcpFrame(flow, true, 1, kAck, binary)},
                    {"1 tls b.example"}});
  // With a list of its own behind the addresses: what the hello says, again.
  const Buffer listed = Writer()
                            .Put(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12))
                            .U16(0x2111)
                            .U16(12 + 12)
                            .Zeros(12)
                            .U8(2)
                            .U16(9)
                            .Put("c.example")
                            .bytes();
  scenes.push_back({"behind-proxy-header-in-pieces",
                    {TcpFrame(flow, true, 1, kAck,
                              Buffer(listed.begin(), listed.begin() + 20)),
                     TcpFrame(flow, true, 21, kAck,
                              Buffer(listed.begin() + 20, listed.end())),
                     TcpFrame(flow, true, 1 + 40, kAck, Hello("c.example"))},
                    {"3 tls c.example"}});
  scenes.push_back({"behind-proxy-line-of-a-check",
                    {TcpFrame(flow, true, 1, kAck, Text("PROXY UNKNOWN\r\n")),
                     TcpFrame(flow, true, 16, kAck, Hello("d.example"))},
                    {"2 tls d.example"}});
  return scenes;
}

}  // namespace

std::vector<Scene> BehindScenes() {
  std::vector<Scene> scenes = MailScenes();
  for (const auto& more : {DatabaseScenes(), ProxyScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
