// Small pieces of traffic that once went wrong somewhere, or would, each with
// the names that an observer must tell: no more, no fewer, in this order.
#pragma once

#include <string>
#include <vector>

#include "tests/recall/traffic.h"

namespace schoolgate::traffic {

struct Scene {
  std::string title;  // also a file name; "as-is-": only as it was cut
  std::vector<Buffer> packets;
  std::vector<std::string> expected;  // "frame source name"
  uint32_t link_type = 1;
  size_t snap_bytes = 262144;  // what the capture keeps of a packet
};

std::vector<Scene> TlsScenes();
std::vector<Scene> BehindScenes();
std::vector<Scene> TcpScenes();
std::vector<Scene> OrderScenes();
std::vector<Scene> HttpScenes();
std::vector<Scene> DtlsScenes();
std::vector<Scene> QuicScenes();
std::vector<Scene> DnsScenes();
std::vector<Scene> LinkScenes();
std::vector<Scene> RadioScenes();
std::vector<Scene> LenientScenes();

std::vector<Scene> AllScenes();

}  // namespace schoolgate::traffic
