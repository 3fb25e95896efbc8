// PostgreSQL's binary COPY format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace schoolgate::collector {

// A value that is added to row by row.
class CopyRows {
 public:
  CopyRows() {
    bytes_.assign("PGCOPY\n\377\r\n\0", 11);
    Append(0, 4);  // flags
    Append(0, 4);  // no header extension
  }

  // A row of so many columns, which follow.
  CopyRows& Begin(uint16_t columns) {
    Append(columns, 2);
    return *this;
  }
  CopyRows& Int(int64_t value) {
    Append(8, 4);
    Append(static_cast<uint64_t>(value), 8);
    return *this;
  }
  CopyRows& Bytes(std::string_view bytes) {
    Append(bytes.size(), 4);
    bytes_.append(bytes);
    return *this;
  }

  // All of it; nothing may be added afterwards.
  const std::string& Finish() {
    Append(0xffff, 2);
    return bytes_;
  }

 private:
  void Append(uint64_t number, int size) {  // the highest byte first
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<char>(number >> shift));
    }
  }

  std::string bytes_;
};

}  // namespace schoolgate::collector
