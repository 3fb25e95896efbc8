// Fixed-width little-endian integers in byte strings. Reading is the caller's
// to bounds-check: `at` must leave room for the whole integer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/check.h"

namespace schoolgate::seal {

template <typename Integer>
void PutLittle(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

template <typename Integer>
Integer GetLittle(std::string_view bytes, size_t at) {
  SG_CHECK(at <= bytes.size() && bytes.size() - at >= sizeof(Integer));
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[at + i]))
             << (8 * i);
  }
  return static_cast<Integer>(value);
}

}  // namespace schoolgate::seal
