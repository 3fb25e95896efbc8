#include "agent/observe/name_text.h"

#include <arpa/inet.h>

#include <algorithm>

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
