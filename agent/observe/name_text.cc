#include "agent/observe/name_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace schoolgate::agent {

namespace {

// How a byte that can be printed is written; 0: it cannot.
constexpr std::array<char, 256> kPlain = [] {
  std::array<char, 256> plain{};
  for (int byte = '!'; byte < 0x7f; ++byte) {
    const bool upper = byte >= 'A' && byte <= 'Z';
    plain[static_cast<size_t>(byte)] =
        static_cast<char>(upper ? byte + ('a' - 'A') : byte);
  }
  return plain;
}();

// Turns eight bytes into lower case. False when one of the first `count` cannot
// be printed.
bool LowerEight(char* at, size_t count) {
  constexpr uint64_t kEach = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x80 * kEach;
  uint64_t word;
  std::memcpy(&word, at, 8);
  const uint64_t low = word & ~kHigh;  // no sum reaches the next byte
  const uint64_t above_blank = low + (0x80 - '!') * kEach;
  const uint64_t above_tilde = low + (0x80 - 0x7f) * kEach;
  const uint64_t odd = (word | ~above_blank | above_tilde) & kHigh;
  static_assert(std::endian::native == std::endian::little);
  if (count < 8 ? odd << (64 - 8 * count) != 0 : odd != 0) return false;
  const uint64_t from_a = low + (0x80 - 'A') * kEach;
  const uint64_t beyond_z = low + (0x80 - ('Z' + 1)) * kEach;
  word |= (from_a & ~beyond_z & kHigh) >> 2;  // 0x20
  std::memcpy(at, &word, 8);
  return true;
}

}  // namespace

void NameText::PutOdd(uint8_t byte) {
  if (length_ + 4 > kMaxText) {
    cut_ = true;
    return;
  }
  text_[length_++] = '\\';
  text_[length_++] = static_cast<char>('0' + byte / 100);
  text_[length_++] = static_cast<char>('0' + byte / 10 % 10);
  text_[length_++] = static_cast<char>('0' + byte % 10);
}

void NameText::AddLabel(Bytes label) {
  const uint8_t* at = label.data();
  const uint8_t* const end = at + label.size();
  while (at != end) {
    char* to = text_.data() + length_;
    const char* const room = text_.data() + kMaxText;
    while (at != end && to != room && kPlain[*at] != 0) *to++ = kPlain[*at++];
    length_ = static_cast<size_t>(to - text_.data());
    if (at != end) PutOdd(*at++);
  }
}

bool NameText::Settle() {
  if (length_ == 0) {  // the root
    Put('.');
    return true;
  }
  --length_;
  for (size_t at = 0; at < length_; at += 8) {
    if (!LowerEight(text_.data() + at, length_ - at)) return false;
  }
  return true;
}

void NameText::SetHost(Bytes host) {
  Clear();
  while (!host.empty() && host.back() == '.') {
    host = host.first(host.size() - 1);
  }
  AddLabel(host.first(std::min(host.size(), kMaxText)));
  cut_ |= host.size() > kMaxText;
}

bool IsAddressLiteral(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return true;
  int dots = 0;
  for (char c : host) {
    if (c == '.') {
      ++dots;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return dots == 3;
}

uint32_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : name) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  const auto folded = static_cast<uint32_t>(hash ^ (hash >> 32));
  return folded == 0 ? 1 : folded;
}

std::string AddressText(const std::array<uint8_t, 16>& address) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                               0, 0, 0, 0, 0xff, 0xff};
  const bool v4 = std::equal(kMapped.begin(), kMapped.end(), address.begin());
  char text[INET6_ADDRSTRLEN];
  const char* made =
      inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text,
                sizeof(text));
  return made == nullptr ? std::string() : std::string(made);
}

}  // namespace schoolgate::agent
