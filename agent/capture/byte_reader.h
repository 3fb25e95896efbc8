// The one way our parsers read bytes from the network: every read is checked,
// a read past the end gives zeros and turns ok() false for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace schoolgate::agent {

using Bytes = std::span<const uint8_t>;

// Value. Borrows the bytes.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : at_(bytes.data()), left_(bytes.size()) {}

  bool ok() const { return ok_; }
  size_t left() const { return left_; }
  Bytes rest() const { return {at_, left_}; }

  uint8_t U8() {
    if (!Has(1)) return 0;
    const uint8_t value = at_[0];
    Advance(1);
    return value;
  }

  uint16_t U16() {
    if (!Has(2)) return 0;
    const uint16_t value = static_cast<uint16_t>(at_[0] << 8 | at_[1]);
    Advance(2);
    return value;
  }

  uint32_t U24() {
    if (!Has(3)) return 0;
    const uint32_t value = uint32_t{at_[0]} << 16 | at_[1] << 8 | at_[2];
    Advance(3);
    return value;
  }

  uint32_t U32() {
    if (!Has(4)) return 0;
    const uint32_t value = uint32_t{at_[0]} << 24 | uint32_t{at_[1]} << 16 |
                           uint32_t{at_[2]} << 8 | at_[3];
    Advance(4);
    return value;
  }

  void Skip(size_t count) {
    if (Has(count)) Advance(count);
  }

  Bytes Take(size_t count) {
    if (!Has(count)) return {};
    const Bytes taken{at_, count};
    Advance(count);
    return taken;
  }

  // The next byte without taking it; 0 at the end, which is no failure.
  uint8_t Peek() const { return left_ > 0 ? at_[0] : 0; }

 private:
  bool Has(size_t count) {
    if (count <= left_) [[likely]]
      return true;
    ok_ = false;
    left_ = 0;
    return false;
  }

  void Advance(size_t count) {
    at_ += count;
    left_ -= count;
  }

  const uint8_t* at_;
  size_t left_;
  bool ok_ = true;
};

// The same bytes as text, nothing converted.
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Reads at a place known to be inside.
inline uint16_t LoadU16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

inline uint32_t LoadU32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 |
         at[3];
}

}  // namespace schoolgate::agent
