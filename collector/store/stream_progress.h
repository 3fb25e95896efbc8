// Which sequences of one (device, epoch) are stored: all up to a frontier,
// and some ranges above it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace schoolgate::collector {

// A value. Sequences count from 1.
class StreamProgress {
 public:
  // Where a device leaves more holes than this, the lowest is given up: a
  // device sends in order, so what is still missing there never comes.
  static constexpr size_t kMaxRanges = 1024;

  // The highest sequence below which everything is stored.
  uint64_t durable() const { return durable_; }

  bool Has(uint64_t sequence) const;

  // Adds first..last. False, and nothing is changed, when first is 0 or last
  // is below first.
  bool Add(uint64_t first, uint64_t last);

  std::string Ranges() const;

  // nullopt: not what Ranges() writes.
  static std::optional<StreamProgress> From(uint64_t durable,
                                            std::string_view ranges);

 private:
  uint64_t durable_ = 0;
  std::map<uint64_t, uint64_t> above_;  // first -> last; apart from each other
};

}  // namespace schoolgate::collector
