#include "platform/log_message.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/dlt.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "platform/log_table.h"
#include "platform/netlink_bytes.h"

namespace schoolgate::platform {
namespace {

using Bytes = std::span<const uint8_t>;

// What the IP header says of the packet's length.
uint32_t WireBytes(Bytes packet) {
  const auto size = static_cast<uint32_t>(packet.size());
  if (packet.size() < 6) return size;
  const bool v6 = packet[0] >> 4 == 6;
  const size_t at = v6 ? 4 : 2;
  const uint32_t told = packet[at] << 8 | packet[at + 1];
  return std::max(size, v6 ? told + 40 : told);
}

// Of a prefix that says "xN"; see log_table.h.
uint16_t StandsFor(std::string_view prefix) {
  prefix = prefix.substr(0, prefix.find('\0'));
  int count = 1;
  if (prefix.starts_with('x') &&
      absl::SimpleAtoi(absl::string_view(prefix.data() + 1, prefix.size() - 1),
                       &count)) {
    return static_cast<uint16_t>(std::clamp(count, 1, int{kSampleLater}));
  }
  return 1;
}

Direction DirectionAt(uint8_t hook) {
  if (hook == NF_INET_LOCAL_OUT) return Direction::kOut;
  if (hook == NF_INET_LOCAL_IN) return Direction::kIn;
  return Direction::kUnknown;  // passes through
}

void ReadAttribute(uint16_t type, Bytes payload, Logged* logged) {
  Packet& packet = logged->packet;
  const auto number = LoadFrom<uint32_t>(payload);
  switch (type) {
    case NFULA_PACKET_HDR:
      if (const auto head = LoadFrom<nfulnl_msg_packet_hdr>(payload)) {
        packet.direction = DirectionAt(head->hook);
      }
      break;
    case NFULA_PAYLOAD:
      packet.bytes = payload;
      break;
    case NFULA_PREFIX:
      packet.stands_for = StandsFor(
          {reinterpret_cast<const char*>(payload.data()), payload.size()});
      break;
    case NFULA_UID:
      if (number) packet.uid = ntohl(*number);
      break;
    case NFULA_SEQ:
      if (number) logged->number = ntohl(*number);
      break;
    default:
      break;
  }
}

}  // namespace

bool TakeLogMessage(Bytes* bytes, Logged* logged) {
  *logged = Logged{};
  const Bytes all = *bytes;
  const auto head = LoadFrom<nlmsghdr>(all);
  if (!head || head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_len > all.size()) {
    *bytes = {};
    return false;
  }
  *bytes = all.subspan(
      std::min<size_t>(NLMSG_ALIGN(size_t{head->nlmsg_len}), all.size()));
  const auto attributes =
      AttributesOf(all, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET);
  if (!attributes) return false;
  logged->packet.link_type = DLT_RAW;
  ForEachAttribute(*attributes, [logged](uint16_t type, Bytes payload) {
    ReadAttribute(type, payload, logged);
  });
  logged->packet.wire_bytes = WireBytes(logged->packet.bytes);
  return !logged->packet.bytes.empty();
}

}  // namespace schoolgate::platform
