// How names are written: lower case, no trailing dot, bytes that cannot be
// printed as \DDD (RFC 1035).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// A name's text in a fixed place, so that no name costs an allocation.
class NameText {
 public:
  // Room for 255 bytes that all need an escape.
  static constexpr size_t kMaxText = 1024;

  void Clear() {
    length_ = 0;
    cut_ = false;
  }

  // A label's bytes. A dot inside a label looks like one between labels.
  void AddLabel(Bytes label);

  // A dot between labels.
  void AddDot() { Put('.'); }

  // The fast way for names that can be printed as they are: AddAsItIs for each
  // label, then Settle once. A label is the first `bytes` of `from`, which may
  // go on behind it; together they have at most 255, with a byte for each.
  void AddAsItIs(Bytes from, size_t bytes) {
    char* to = text_.data() + length_;
    if (const size_t rounded = (bytes + 7) & ~size_t{7};
        rounded <= from.size()) {
      for (size_t at = 0; at < bytes; at += 8) {
        std::memcpy(to + at, from.data() + at, 8);
      }
    } else {
      std::memcpy(to, from.data(), bytes);
    }
    to[bytes] = '.';
    length_ += bytes + 1;
  }

  // Lower case, without the last dot. False when something cannot be printed as
  // it is: Clear, and go the other way.
  bool Settle();

  // A whole host name as TLS and HTTP carry it: dots separate. Trailing dots
  // go. What does not fit is cut.
  void SetHost(Bytes host);

  std::string_view view() const { return {text_.data(), length_}; }

  // Whether bytes did not fit.
  bool cut() const { return cut_; }

 private:
  void Put(char c) {
    if (length_ < kMaxText) {
      text_[length_++] = c;
    } else {
      cut_ = true;
    }
  }
  void PutOdd(uint8_t byte);

  std::array<char, kMaxText> text_;
  size_t length_ = 0;
  bool cut_ = false;
};

// Whether a host as sent is an IPv4 or IPv6 literal.
bool IsAddressLiteral(std::string_view host);

// "10.0.0.1" or "2001:db8::1".
std::string AddressText(const std::array<uint8_t, 16>& address);

// 32 bits of a name, never 0.
uint32_t HashName(std::string_view name);

}  // namespace schoolgate::agent
