// A host as it is compared: one spelling for all ways of writing it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace schoolgate::rules {

// RFC 1035: 255 bytes on the wire are at most 253 characters.
inline constexpr size_t kHostLimit = 253;
inline constexpr size_t kLabelLimit = 63;
// Bytes behind a HostName's text that a reader may load along.
inline constexpr size_t kHostSlack = 11;

// A value without memory of its own elsewhere: parsing a host per packet
// allocates nothing unless the host is written in a script beyond ASCII.
class HostName {
 public:
  // Lower case, U-labels as A-labels (IDNA 2008), one trailing dot dropped,
  // addresses as inet_ntop writes them ("[::1]" is "::1"). Letters, digits,
  // '-' and '_' may stand in a label, nothing else; no label is empty or
  // longer than 63. Nothing: the text is no host.
  static std::optional<HostName> Parse(std::string_view text);

  std::string_view text() const { return {text_.data(), length_}; }

  // An IPv4 or IPv6 address: it has no suffixes.
  bool is_address() const { return is_address_; }

  // "localhost", "printer": has no dot.
  bool is_single_label() const;

 private:
  HostName() = default;
  bool ReadAddress(std::string_view text);
  bool ReadAscii(std::string_view text);
  bool ReadUnicode(std::string_view text);

  std::array<char, kHostLimit + kHostSlack> text_;
  uint8_t length_ = 0;
  bool is_address_ = false;
};

// Whether a HostName's text is an address.
bool IsAddress(std::string_view text);

// Whether `name` is `suffix` or a name below it.
bool IsAtOrBelow(std::string_view name, std::string_view suffix);

// The part behind the first dot; empty when there is no dot.
std::string_view ParentOf(std::string_view name);

}  // namespace schoolgate::rules
