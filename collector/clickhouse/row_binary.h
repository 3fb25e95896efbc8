// ClickHouse's RowBinary format: values one after the other, numbers with the
// lowest byte first, text with its length before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace schoolgate::collector {

// A value that is added to row by row.
class RowBinary {
 public:
  RowBinary& Int32(int32_t value) {
    return Number(static_cast<uint32_t>(value), 4);
  }
  RowBinary& Int64(int64_t value) {
    return Number(static_cast<uint64_t>(value), 8);
  }
  RowBinary& UInt32(uint32_t value) { return Number(value, 4); }
  RowBinary& UInt64(uint64_t value) { return Number(value, 8); }
  RowBinary& Text(std::string_view text) {
    uint64_t length = text.size();
    for (; length >= 0x80; length >>= 7) {
      bytes_.push_back(static_cast<char>(length | 0x80));
    }
    bytes_.push_back(static_cast<char>(length));
    bytes_.append(text);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }
  void Clear() { bytes_.clear(); }

 private:
  RowBinary& Number(uint64_t number, int size) {
    for (int i = 0; i < size; ++i, number >>= 8) {
      bytes_.push_back(static_cast<char>(number));
    }
    return *this;
  }

  std::string bytes_;
};

// Reads what a server sent. What is cut short or too long reads as nothing,
// and from then on whole() is false. Borrows the bytes.
class RowBinaryReader {
 public:
  explicit RowBinaryReader(std::string_view bytes) : rest_(bytes) {}

  bool more() const { return whole_ && !rest_.empty(); }
  bool whole() const { return whole_; }

  uint32_t UInt32() { return static_cast<uint32_t>(Number(4)); }
  uint64_t UInt64() { return Number(8); }
  int64_t Int64() { return static_cast<int64_t>(Number(8)); }
  std::string_view Text() {
    uint64_t length = 0;
    for (int shift = 0;; shift += 7) {
      const uint64_t byte = Number(1);
      if (!whole_ || shift > 56) return Fail();
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (length > rest_.size()) return Fail();
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return text;
  }

 private:
  std::string_view Fail() {
    whole_ = false;
    return {};
  }

  uint64_t Number(size_t size) {
    if (!whole_ || rest_.size() < size) {
      whole_ = false;
      return 0;
    }
    uint64_t number = 0;
    for (size_t i = size; i > 0; --i) {
      number = number << 8 | static_cast<unsigned char>(rest_[i - 1]);
    }
    rest_.remove_prefix(size);
    return number;
  }

  std::string_view rest_;
  bool whole_ = true;
};

}  // namespace schoolgate::collector
