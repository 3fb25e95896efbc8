#include "agent/enforce/quic_answer.h"

namespace schoolgate::agent {
namespace {

constexpr uint8_t kLongHeader = 0x80;
constexpr size_t kIdsOffset = 5;         // first byte, version
constexpr size_t kMaxConnectionId = 20;  // RFC 9000 for version 1
// Reserved to force negotiation (RFC 9000, 15): nobody speaks it.
constexpr uint8_t kOffered[] = {0x5a, 0x5a, 0x5a, 0x5a};

}  // namespace

std::vector<uint8_t> RefuseQuic(std::span<const uint8_t> datagram) {
  if (datagram.size() <= kIdsOffset || (datagram[0] & kLongHeader) == 0) {
    return {};
  }
  const size_t destination_size = datagram[kIdsOffset];
  const size_t source_at = kIdsOffset + 1 + destination_size;
  if (destination_size > kMaxConnectionId || source_at >= datagram.size()) {
    return {};
  }
  const size_t source_size = datagram[source_at];
  if (source_size > kMaxConnectionId ||
      source_size > datagram.size() - source_at - 1) {
    return {};
  }
  const auto destination = datagram.subspan(kIdsOffset, 1 + destination_size);
  const auto source = datagram.subspan(source_at, 1 + source_size);
  std::vector<uint8_t> answer = {kLongHeader | 0x4a, 0, 0, 0, 0};
  // What the client calls itself comes first now.
  answer.insert(answer.end(), source.begin(), source.end());
  answer.insert(answer.end(), destination.begin(), destination.end());
  answer.insert(answer.end(), std::begin(kOffered), std::end(kOffered));
  return answer;
}

}  // namespace schoolgate::agent
