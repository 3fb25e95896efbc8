// Writes the scenes as captures: DIR/TITLE.pcap and DIR/TITLE.expected, and
// with a second folder, what the fuzzers start from.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/recall/scenes.h"

using namespace schoolgate::traffic;

namespace {

void Write(const std::filesystem::path& path, const Buffer& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

// What the fuzzers of the single parsers start from.
void WriteSeeds(const std::filesystem::path& dir) {
  const auto seed = [&](const char* target, const char* title,
                        const Buffer& bytes) {
    std::filesystem::create_directories(dir / target);
    Write(dir / target / title, bytes);
  };
  const auto text = [](std::string_view line) {
    return Buffer(line.begin(), line.end());
  };
  const Buffer hello = ClientHello({.name = "a.example", .ech = true});
  seed("dns", "query", DnsQuery("www.example.org", 65));
  seed("dns", "https-answer", DnsHttpsAnswer("a.example", "b.example"));
  seed("tls", "one-record", TlsRecords(hello));
  seed("tls", "many-records", TlsRecords(hello, 9));
  seed("tls", "change-cipher-spec",
       Buffer{20, 3, 3, 0, 1, 1} + TlsRecords(hello));
  seed("http", "get", text("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"));
  seed("http", "connect", text("CONNECT a.example:443 HTTP/1.1\r\n\r\n"));
  seed("http", "absolute", text("GET http://[::1]:80/x HTTP/1.0\n\n"));
  const Bytes all(hello);
  seed("quic", "one-frame", CryptoFrame(0, hello));
  seed("quic", "two-packets",
       CryptoFrame(60, all.subspan(60)) + Buffer{0xff, 0xff} +
           CryptoFrame(0, all.first(60)));
  seed("quic", "initial", Initial({}, CryptoFrame(0, hello)));
  seed("capture", "pcap", PcapFile({Buffer(60), Buffer(80)}));
  const Buffer swapped = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
                          0,    0,    0,    0,    0, 0, 4, 0, 1, 0, 0, 0};
  seed("capture", "pcap-swapped", swapped);
  Writer next;
  next.U32(0x0a0d0d0a).U32(28).U32(0x1a2b3c4d).U32(0x00010000).Zeros(8).U32(28);
  next.U32(1).U32(28).U16(1).U16(0).U32(0).U16(9).U16(1).U32(0x09000000);
  next.U32(28).U32(6).U32(36).U32(0).U32(1).U32(2).U32(4).U32(4).U32(7).U32(36);
  seed("capture", "pcapng", next.bytes());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: %s CAPTURE_DIR [FUZZ_DIR]\n", argv[0]);
    return 2;
  }
  const std::filesystem::path captures = argv[1];
  std::filesystem::create_directories(captures);
  for (const Scene& scene : AllScenes()) {
    Write(captures / (scene.title + ".pcap"),
          PcapFile(scene.packets, scene.link_type, scene.snap_bytes));
    std::ofstream expected(captures / (scene.title + ".expected"));
    for (const std::string& line : scene.expected) expected << line << "\n";
    if (argc != 3 || scene.link_type != 1) continue;
    Writer path;
    for (const Buffer& packet : scene.packets) {
      path.U8(0).U16(static_cast<unsigned>(packet.size())).Put(packet);
    }
    const auto folder = std::filesystem::path(argv[2]) / "path";
    std::filesystem::create_directories(folder);
    Write(folder / scene.title, path.bytes());
  }
  if (argc == 3) WriteSeeds(argv[2]);
  return 0;
}
