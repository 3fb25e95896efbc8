#include "agent/observe/stream_front.h"

#include <algorithm>
#include <string_view>

namespace schoolgate::agent {
namespace {

constexpr std::string_view kProxyText = "PROXY ";
constexpr size_t kMaxProxyLine = 107;
constexpr std::string_view kProxyBinary("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kProxyHeader = 16;
constexpr std::string_view kMySql("\x20\0\0\1", 4);
constexpr size_t kMySqlWish = 36;
constexpr std::string_view kPostgreSql("\0\0\0\x08\x04\xd2\x16\x2f", 8);
constexpr uint8_t kTdsPreLogin = 0x12;
constexpr size_t kTdsHeader = 8;
constexpr uint8_t kHandshake = 22;

// As much of `word` as there is.
bool Begins(std::string_view text, std::string_view word) {
  const size_t common = std::min(text.size(), word.size());
  return text.substr(0, common) == word.substr(0, common);
}

// It begins with `word`, and is so long.
StreamFront OfLength(Bytes bytes, std::string_view word, size_t length) {
  if (bytes.size() < word.size()) return {.used = 0, .need = bytes.size() + 1};
  if (bytes.size() < length) return {.used = 0, .need = length};
  return {.used = length, .need = 0};
}

StreamFront ProxyLine(Bytes bytes) {
  const std::string_view line = AsText(bytes).substr(0, kMaxProxyLine);
  const size_t end = line.find('\n');
  if (end != std::string_view::npos) return {.used = end + 1, .need = 0};
  if (line.size() == kMaxProxyLine) return {};
  return {.used = 0, .need = line.size() + 1};
}

}  // namespace

StreamFront ReadStreamFront(Bytes bytes) {
  if (bytes.empty()) return {};
  const std::string_view text = AsText(bytes);
  switch (bytes[0]) {
    case 'P':
      if (Begins(text, kProxyText)) return ProxyLine(bytes);
      break;
    case '\r':
      if (!Begins(text, kProxyBinary)) break;
      if (bytes.size() < kProxyHeader) {
        return OfLength(bytes, kProxyBinary, kProxyHeader);
      }
      return OfLength(bytes, kProxyBinary,
                      kProxyHeader + LoadU16(bytes.data() + 14));
    case ' ':
      if (Begins(text, kMySql)) return OfLength(bytes, kMySql, kMySqlWish);
      break;
    case 0:
      if (Begins(text, kPostgreSql)) {
        return OfLength(bytes, kPostgreSql, kPostgreSql.size());
      }
      break;
    case kTdsPreLogin:
      if (bytes.size() <= kTdsHeader) return {0, kTdsHeader + 1};
      if (bytes[kTdsHeader] == kHandshake) return {kTdsHeader, 0};
      break;
    default:
      break;
  }
  return {};
}

}  // namespace schoolgate::agent
