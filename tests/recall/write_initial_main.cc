// A QUIC client's first datagram, in hexadecimal: for tests that send one.
//
// usage: write_initial NAME CONNECTION_ID
#include <cstdio>
#include <string_view>

#include "tests/recall/traffic.h"

using namespace schoolgate::traffic;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view id(argv[2]);
  InitialOptions options;
  options.destination.assign(id.begin(), id.end());
  const Buffer hello = ClientHello({.name = argv[1], .alpn = {"h3"}});
  for (const uint8_t byte : Initial(options, CryptoFrame(0, hello))) {
    std::printf("%02x", byte);
  }
  std::printf("\n");
}
