#include "agent/observe/stream_front.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace schoolgate::agent {
namespace {

constexpr std::string_view kProxyText = "PROXY ";
constexpr size_t kMaxProxyLine = 107;
constexpr std::string_view kProxyBinary("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kProxyHeader = 16;
constexpr std::string_view kMySql("\x20\0\0\1", 4);
constexpr size_t kMySqlWish = 36;
constexpr std::string_view kPostgreSqlTls("\0\0\0\x08\x04\xd2\x16\x2f", 8);
constexpr std::string_view kPostgreSqlGss("\0\0\0\x08\x04\xd2\x16\x30", 8);
constexpr uint8_t kTdsPreLogin = 0x12;
constexpr size_t kTdsHeader = 8;
constexpr uint8_t kHandshake = 22;
constexpr std::string_view kLdapStartTls = "1.3.6.1.4.1.1466.20037";

constexpr StreamFront kNone{0, 0};

StreamFront Need(size_t bytes) { return {.used = 0, .need = bytes}; }

// What is read so far needs more than there is, which shows at its end.
StreamFront NeedMore(Bytes bytes) { return Need(bytes.size() + 1); }

// As much of `word` as there is.
bool Begins(std::string_view text, std::string_view word) {
  const size_t common = std::min(text.size(), word.size());
  return text.substr(0, common) == word.substr(0, common);
}

// It begins with `word`, and is so long.
StreamFront OfLength(Bytes bytes, std::string_view word, size_t length) {
  if (bytes.size() < word.size()) return NeedMore(bytes);
  if (bytes.size() < length) return Need(length);
  return {.used = length, .need = 0};
}

StreamFront ProxyLine(Bytes bytes) {
  const std::string_view line = AsText(bytes).substr(0, kMaxProxyLine);
  const size_t end = line.find('\n');
  if (end != std::string_view::npos) return {.used = end + 1, .need = 0};
  if (line.size() == kMaxProxyLine) return kNone;
  return NeedMore(bytes);
}

StreamFront ProxyHeader(Bytes bytes) {
  if (bytes.size() < kProxyHeader) {
    return OfLength(bytes, kProxyBinary, kProxyHeader);
  }
  return OfLength(bytes, kProxyBinary,
                  kProxyHeader + LoadU16(bytes.data() + 14));
}

StreamFront PostgreSql(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  if (Begins(text, kPostgreSqlTls) || Begins(text, kPostgreSqlGss)) {
    return OfLength(bytes, kPostgreSqlTls, kPostgreSqlTls.size());
  }
  return kNone;
}

StreamFront Tds(Bytes bytes) {
  if (bytes.size() <= kTdsHeader) return Need(kTdsHeader + 1);
  return bytes[kTdsHeader] == kHandshake ? StreamFront{kTdsHeader, 0} : kNone;
}

// Where the text that ends with a zero at or behind `at` has ended; 0: it does
// not end in these bytes.
size_t BehindZero(Bytes bytes, size_t at) {
  const std::string_view text = AsText(bytes);
  const size_t zero = text.find('\0', at);
  return zero == std::string_view::npos ? 0 : zero + 1;
}

// Version, command, port, address, a user's name, and, where the address says
// so, a host's.
StreamFront Socks4(Bytes bytes) {
  constexpr size_t kFixed = 8;
  constexpr size_t kMaxText = 256;
  if (bytes.size() < 2) return NeedMore(bytes);
  if (bytes[1] != 1 && bytes[1] != 2) return kNone;
  if (bytes.size() < kFixed) return Need(kFixed);
  const bool names_host =
      bytes[4] == 0 && bytes[5] == 0 && bytes[6] == 0 && bytes[7] != 0;
  size_t end = BehindZero(bytes, kFixed);
  if (end != 0 && names_host) {
    end = BehindZero(bytes.first(std::min(bytes.size(), end + kMaxText)), end);
  }
  if (end != 0) return {.used = end, .need = 0};
  return bytes.size() < kFixed + 2 * kMaxText ? NeedMore(bytes) : kNone;
}

// A request: how long it is, as far as can be said from what is there.
size_t Socks5Request(Bytes bytes) {
  constexpr uint8_t kIpv4 = 1;
  constexpr uint8_t kHost = 3;
  constexpr uint8_t kIpv6 = 4;
  if (bytes.size() < 5) return 5;
  const uint8_t kind = bytes[3];
  if (kind == kIpv4) return 4 + 4 + 2;
  if (kind == kIpv6) return 4 + 16 + 2;
  return kind == kHost ? size_t{7} + bytes[4] : 0;
}

// The length of a user's name and password behind a greeting that offers them;
// `need` when they are not whole.
StreamFront Socks5User(Bytes bytes) {
  if (bytes.empty()) return Need(1);
  if (bytes[0] != 1) return kNone;
  if (bytes.size() < 2) return Need(2);
  const size_t user = size_t{2} + bytes[1];
  if (bytes.size() <= user) return Need(user + 1);
  const size_t all = user + 1 + bytes[user];
  return bytes.size() < all ? Need(all) : StreamFront{all, 0};
}

// The methods that a client offers.
StreamFront Socks5Greeting(Bytes bytes) {
  constexpr uint8_t kLastMethod = 9;
  constexpr uint8_t kUserAndPassword = 2;
  const size_t end = size_t{2} + bytes[1];
  if (bytes.size() < end) return Need(end);
  bool offers_user = false;
  for (uint8_t method : bytes.subspan(2, bytes[1])) {
    if (method > kLastMethod) return kNone;
    offers_user |= method == kUserAndPassword;
  }
  if (!offers_user) return {.used = end, .need = 0};
  const StreamFront user = Socks5User(bytes.subspan(end));
  if (user.need != 0) return Need(end + user.need);
  return {.used = end + user.used, .need = 0};
}

// Each of a client's words alone: most wait for an answer to each.
StreamFront Socks5(Bytes bytes) {
  constexpr uint8_t kConnect = 1;
  constexpr uint8_t kMostMethods = 8;
  if (bytes.size() < 2) return NeedMore(bytes);
  if (bytes[1] == 0 || bytes[1] > kMostMethods) return kNone;
  // Three bytes may be a whole greeting, or the beginning of a request.
  if (bytes.size() < 4) return NeedMore(bytes);
  const bool request = bytes[1] == kConnect && bytes[2] == 0 &&
                       (bytes[3] == 1 || bytes[3] == 3 || bytes[3] == 4);
  if (request) return OfLength(bytes, "\5", Socks5Request(bytes));
  return Socks5Greeting(bytes);
}

// A connection request of X.224 in its envelope.
StreamFront RemoteDesktop(Bytes bytes) {
  constexpr size_t kLeast = 11;
  constexpr uint8_t kConnectionRequest = 0xe0;
  constexpr size_t kMost = 512;
  if (bytes.size() >= 2 && bytes[1] != 0) return kNone;
  if (bytes.size() < 6) return NeedMore(bytes);
  const size_t length = LoadU16(bytes.data() + 2);
  if (length < kLeast || length > kMost || bytes[5] != kConnectionRequest) {
    return kNone;
  }
  return OfLength(bytes, "\3", length);
}

StreamFront Ldap(Bytes bytes) {
  constexpr uint8_t kInteger = 2;
  constexpr uint8_t kExtendedRequest = 0x77;
  if (bytes.size() >= 2 && (bytes[1] < kLdapStartTls.size() ||
                            bytes[1] > 2 * kLdapStartTls.size())) {
    return kNone;
  }
  if (bytes.size() >= 3 && bytes[2] != kInteger) return kNone;
  if (bytes.size() < 4) return NeedMore(bytes);
  const size_t kind_at = size_t{4} + bytes[3];
  if (bytes[3] > 4) return kNone;
  if (bytes.size() <= kind_at) return Need(kind_at + 1);
  if (bytes[kind_at] != kExtendedRequest) return kNone;
  const size_t length = size_t{2} + bytes[1];
  if (bytes.size() < length) return Need(length);
  const bool asks_tls =
      AsText(bytes.first(length)).find(kLdapStartTls) != std::string_view::npos;
  return asks_tls ? StreamFront{length, 0} : kNone;
}

bool IsText(uint8_t byte) {
  return (byte >= ' ' && byte < 0x7f) || (byte >= '\t' && byte <= '\r');
}

}  // namespace

StreamFront ReadStreamFront(Bytes bytes) {
  if (bytes.empty()) return kNone;
  const std::string_view text = AsText(bytes);
  switch (bytes[0]) {
    case 'P':
      return Begins(text, kProxyText) ? ProxyLine(bytes) : kNone;
    case '\r':
      return Begins(text, kProxyBinary) ? ProxyHeader(bytes) : kNone;
    case ' ':
      return Begins(text, kMySql) ? OfLength(bytes, kMySql, kMySqlWish) : kNone;
    case '0':
      return Ldap(bytes);
    case 0:
      return PostgreSql(bytes);
    case 3:
      return RemoteDesktop(bytes);
    case 4:
      return Socks4(bytes);
    case 5:
      return Socks5(bytes);
    case kTdsPreLogin:
      return Tds(bytes);
    default:
      return kNone;
  }
}

TextFront TextBeforeHello(Bytes bytes) {
  if (bytes.empty() || !IsText(bytes[0])) return {};
  const void* found = std::memchr(bytes.data(), kHandshake, bytes.size());
  if (found == nullptr) return {};
  const auto text =
      static_cast<size_t>(static_cast<const uint8_t*>(found) - bytes.data());
  const uint8_t last = bytes[text - 1];
  if (last != '\n' && last != '>') return {};
  if (text + 1 < bytes.size() && bytes[text + 1] != 3 && bytes[text + 1] != 1) {
    return {};
  }
  const Bytes lines = bytes.first(text);
  if (!std::all_of(lines.begin(), lines.end(), IsText)) return {};
  if (text > kMaxTextFront) return {.used = 0, .beyond = true};
  return {.used = text, .beyond = false};
}

}  // namespace schoolgate::agent
