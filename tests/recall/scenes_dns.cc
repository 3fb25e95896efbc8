#include "tests/recall/scenes.h"

namespace schoolgate::traffic {
namespace {

constexpr uint16_t kA = 1;
constexpr uint16_t kHttps = 65;
constexpr uint8_t kAck = 16;

Flow Resolver(uint16_t port) {
  Flow flow;
  flow.server_port = port;
  return flow;
}

Buffer Stream(const Flow& flow, uint32_t seq, const Buffer& bytes) {
  return TcpFrame(flow, true, seq, kAck, bytes);
}

std::vector<Scene> DatagramScenes() {
  const Flow dns = Resolver(53);
  std::vector<Scene> scenes;
  scenes.push_back(
      {"dns-query-and-answer",
       {UdpFrame(dns, true, DnsQuery("WWW.example.org", kA)),
        UdpFrame(dns, false, DnsHttpsAnswer("www.example.org", "x.example"))},
       {"1 dns www.example.org"}});
  const Buffer two = Writer()
                         .U16(1)
                         .U16(0)
                         .U16(2)
                         .U16(0)
                         .U32(0)
                         .Put(DnsName("one.example.org"))
                         .U16(kA)
                         .U16(1)
                         .U8(3)
                         .Put("two")
                         .U16(0xc010)
                         .U16(kHttps)
                         .U16(1)
                         .bytes();
  scenes.push_back({"dns-two-questions-compressed",
                    {UdpFrame(dns, true, two)},
                    {"1 dns one.example.org", "1 dns two.example.org"}});
  const Buffer loop = Writer()
                          .U16(1)
                          .U16(0)
                          .U16(1)
                          .U16(0)
                          .U32(0)
                          .U16(0xc00c)
                          .U32(0x00010001)
                          .bytes();
  scenes.push_back({"dns-name-that-loops", {UdpFrame(dns, true, loop)}, {}});
  scenes.push_back(
      {"dns-root", {UdpFrame(dns, true, DnsQuery("", 2))}, {"1 dns ."}});
  scenes.push_back(
      {"dns-on-another-port",
       {UdpFrame(Resolver(5300), true, DnsQuery("other.example.org", kA))},
       {"1 dns other.example.org"}});
  const Buffer edns = Writer()
                          .U16(9)
                          .U16(0x0120)
                          .U16(1)
                          .U32(0)
                          .U16(1)
                          .Put(DnsName("edns.example.org"))
                          .U16(kHttps)
                          .U16(1)
                          .U8(0)
                          .U16(41)
                          .U16(1232)
                          .Zeros(6)
                          .bytes();
  scenes.push_back(
      {"dns-edns-any-port",
       {UdpFrame(dns, true, edns), UdpFrame(Resolver(5301), true, edns)},
       {"1 dns edns.example.org", "2 dns edns.example.org"}});
  Buffer chaos = DnsQuery("Version.Bind", 16);
  chaos.back() = 3;
  scenes.push_back({"dns-other-class-and-type",
                    {UdpFrame(dns, true, chaos),
                     UdpFrame(dns, true, DnsQuery("odd.example.org", 999))},
                    {"1 dns version.bind", "2 dns odd.example.org"}});
  scenes.push_back({"dns-odd-bytes-in-labels",
                    {UdpFrame(dns, true,
                              Writer()
                                  .U16(1)
                                  .U16(0x0100)
                                  .U16(1)
                                  .Zeros(6)
                                  .U8(7)
                                  .Put("A b.\\\x7f\x01")
                                  .U8(0)
                                  .U16(kA)
                                  .U16(1)
                                  .bytes())},
                    {"1 dns a\\032b.\\\\127\\001"}});
  Scene many{"dns-many-on-another-port", {}, {}};
  for (int i = 1; i <= 20; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example.org";
    many.packets.push_back(UdpFrame(Resolver(5300), true, DnsQuery(name, kA)));
    many.expected.push_back(std::to_string(i) + " dns " + name);
  }
  scenes.push_back(many);
  scenes.push_back(
      {"netbios-is-not-dns",
       {UdpFrame(Resolver(137), true,
                 DnsQuery("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33))},
       {}});
  scenes.push_back(
      {"mdns-and-llmnr",
       {UdpFrame(Resolver(5353), true, DnsQuery("_ipp._tcp.local", 12)),
        UdpFrame(Resolver(5355), true, DnsQuery("wpad", kA))},
       {"1 mdns _ipp._tcp.local", "2 llmnr wpad"}});
  return scenes;
}

// Counts that lie, and names that point in circles, far or too often.
std::vector<Scene> HostileScenes() {
  const Flow dns = Resolver(53);
  const auto header = [](unsigned questions, unsigned others) {
    return Writer().U16(1).U16(0x0100).U16(questions).U16(others).U32(0);
  };
  const auto ask = [&](const Buffer& bytes) {
    return UdpFrame(dns, true, bytes);
  };
  const Buffer two_circles = header(2, 0)
                                 .Put(DnsName("one.example.org"))
                                 .U32(0x00010001)
                                 .U8(1)
                                 .Put("a")
                                 .U16(0xc021)  // to itself
                                 .U32(0x00010001)
                                 .bytes();
  const Buffer beyond =
      header(1, 0).U8(1).Put("a").U16(0xffff).U32(0x00010001).bytes();
  const Buffer ahead = header(1, 0)
                           .U8(3)
                           .Put("far")
                           .U16(0xc016)
                           .U32(0x00010001)
                           .Put(DnsName("example.org"))
                           .bytes();
  const Buffer missing =
      header(5, 0).Put(DnsName("one.example.org")).U32(0x00010001).bytes();
  const Buffer answers_missing =
      header(1, 7).Put(DnsName("one.example.org")).U32(0x00010001).bytes();
  const Buffer label_of_64 =
      header(1, 0).U8(64).Zeros(64).U8(0).U32(0x00010001).bytes();
  Writer three = header(3, 0);
  for (const char* name : {"a.example", "b.example", "c.example"}) {
    three.Put(DnsName(name)).U32(0x00010001);
  }
  return {{"dns-circle-in-the-second-question",
           {ask(two_circles)},
           {"1 dns one.example.org"}},
          {"dns-pointer-beyond-the-end", {ask(beyond)}, {}},
          {"dns-pointer-ahead", {ask(ahead)}, {"1 dns far.example.org"}},
          {"dns-more-questions-promised",
           {ask(missing)},
           {"1 dns one.example.org"}},
          {"dns-answers-promised",
           {ask(answers_missing)},
           {"1 dns one.example.org"}},
          {"dns-label-too-long", {ask(label_of_64)}, {}},
          {"dns-three-questions",
           {ask(three.bytes())},
           {"1 dns a.example", "1 dns b.example", "1 dns c.example"}}};
}

std::vector<Scene> StreamScenes() {
  const Flow dns = Resolver(53);
  std::vector<Scene> scenes;
  const Buffer one = WithLength(DnsQuery("one.example.org", kA));
  const Buffer two = WithLength(DnsQuery("two.example.org", kHttps));
  scenes.push_back({"dns-tcp-pipelined",
                    {Stream(dns, 100, one + two)},
                    {"1 dns one.example.org", "1 dns two.example.org"}});
  const Buffer both = one + two;
  const auto cut = [&](size_t begin, size_t end) {
    return Buffer(both.begin() + static_cast<long>(begin),
                  both.begin() + static_cast<long>(end));
  };
  scenes.push_back(
      {"dns-tcp-split",
       {TcpFrame(dns, true, 99, 2, {}), Stream(dns, 100, cut(0, 1)),
        Stream(dns, 101, cut(1, 40)), Stream(dns, 140, cut(40, both.size()))},
       {"4 dns one.example.org", "4 dns two.example.org"}});
  scenes[1].expected[0] =
      one.size() <= 40 ? "3 dns one.example.org" : scenes[1].expected[0];
  scenes.push_back(
      {"dns-tcp-reversed",
       {TcpFrame(dns, true, 99, 2, {}), Stream(dns, 130, cut(30, both.size())),
        Stream(dns, 100, cut(0, 30))},
       {"3 dns one.example.org", "3 dns two.example.org"}});
  scenes.push_back({"dns-tcp-on-another-port",
                    {Stream(Resolver(8053), 100, one)},
                    {"1 dns one.example.org"}});
  Scene many{"dns-tcp-many-without-a-beginning", {}, {}};
  uint32_t seq = 100;
  for (int i = 1; i <= 20; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example.org";
    const Buffer query = WithLength(DnsQuery(name, kA));
    many.packets.push_back(Stream(Resolver(8053), seq, query));
    many.expected.push_back(std::to_string(i) + " dns " + name);
    seq += static_cast<uint32_t>(query.size());
  }
  scenes.push_back(many);
  return scenes;
}

}  // namespace

std::vector<Scene> DnsScenes() {
  std::vector<Scene> scenes = DatagramScenes();
  for (const auto& more : {HostileScenes(), StreamScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

std::vector<Scene> AllScenes() {
  std::vector<Scene> scenes = TlsScenes();
  for (const auto& more :
       {BehindScenes(), TcpScenes(), OrderScenes(), HttpScenes(), DtlsScenes(),
        QuicScenes(), DnsScenes(), LinkScenes(), RadioScenes(),
        LenientScenes()}) {
    scenes.insert(scenes.end(), more.begin(), more.end());
  }
  return scenes;
}

}  // namespace schoolgate::traffic
