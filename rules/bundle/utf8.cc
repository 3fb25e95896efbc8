#include "rules/bundle/utf8.h"

#include <cstdint>

#include "absl/strings/str_format.h"

namespace schoolgate::rules {

size_t Utf8CharacterBytes(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto first = static_cast<uint8_t>(bytes[0]);
  if (first < 0x80) return 1;
  const size_t count = first < 0xc2   ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf5 ? 4
                                      : 0;
  if (count == 0 || bytes.size() < count) return 0;
  uint32_t code = first & (0x7fu >> count);
  for (size_t i = 1; i < count; ++i) {
    const auto next = static_cast<uint8_t>(bytes[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3f);
  }
  const bool too_long =
      (count == 3 && code < 0x800) || (count == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return too_long || surrogate || code > 0x10ffff ? 0 : count;
}

std::string AsUtf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t count = Utf8CharacterBytes(bytes);
    if (count == 0) {
      absl::StrAppendFormat(&text, "\\x%02x", static_cast<uint8_t>(bytes[0]));
    } else {
      text += bytes.substr(0, count);
    }
    bytes.remove_prefix(count == 0 ? 1 : count);
  }
  return text;
}

}  // namespace schoolgate::rules
