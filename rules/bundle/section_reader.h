// Takes numbers and runs of bytes off the front of a section.
#pragma once

#include <cstdint>
#include <span>

#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {

// Once short, always short: a caller may check at the end. Not thread-safe.
class SectionReader {
 public:
  explicit SectionReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  // Empty when there are not so many.
  std::span<const uint8_t> Take(size_t count) {
    if (count > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  // 0 when it is cut off.
  template <typename T>
  T Number() {
    const auto bytes = Take(sizeof(T));
    return bytes.empty() ? T{} : LoadLittle<T>(bytes.data());
  }

  bool cut_short() const { return short_; }
  bool at_end() const { return !short_ && rest_.empty(); }
  size_t left() const { return rest_.size(); }

 private:
  std::span<const uint8_t> rest_;
  bool short_ = false;
};

}  // namespace schoolgate::rules
