// Netlink messages as bytes that need not add up: every read is checked.
#pragma once

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace schoolgate::platform {

// A value at the start of the bytes; nothing when there are too few.
template <typename T>
std::optional<T> LoadFrom(std::span<const uint8_t> bytes) {
  T value;
  if (bytes.size() < sizeof(value)) return std::nullopt;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

// The attributes of the first message in `bytes` when it is one of netfilter's
// of this type and adds up.
inline std::optional<std::span<const uint8_t>> AttributesOf(
    std::span<const uint8_t> bytes, uint16_t type) {
  constexpr size_t kHeaders = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  const auto head = LoadFrom<nlmsghdr>(bytes);
  if (!head || head->nlmsg_len > bytes.size() || head->nlmsg_len < kHeaders ||
      head->nlmsg_type != type) {
    return std::nullopt;
  }
  return bytes.first(head->nlmsg_len).subspan(kHeaders);
}

// Calls each(type, payload) for every attribute up to the first that does not
// add up.
template <typename Each>
void ForEachAttribute(std::span<const uint8_t> bytes, const Each& each) {
  while (const auto attribute = LoadFrom<nlattr>(bytes)) {
    const size_t size = attribute->nla_len;
    if (size < NLA_HDRLEN || size > bytes.size()) break;
    each(static_cast<uint16_t>(attribute->nla_type & NLA_TYPE_MASK),
         bytes.first(size).subspan(NLA_HDRLEN));
    const size_t whole = NLA_ALIGN(size);
    if (whole >= bytes.size()) break;
    bytes = bytes.subspan(whole);
  }
}

}  // namespace schoolgate::platform
