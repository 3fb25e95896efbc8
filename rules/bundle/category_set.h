// Which categories, as bits. The numbers are those of one bundle's table.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

namespace schoolgate::rules {

inline constexpr int kCategoryLimit = 128;

// A value.
class CategorySet {
 public:
  void Add(int category) { words_[category >> 6] |= Bit(category); }
  void Add(const CategorySet& other) {
    words_[0] |= other.words_[0];
    words_[1] |= other.words_[1];
  }
  void Remove(const CategorySet& other) {
    words_[0] &= ~other.words_[0];
    words_[1] &= ~other.words_[1];
  }
  bool Has(int category) const {
    return (words_[category >> 6] & Bit(category)) != 0;
  }
  bool empty() const { return (words_[0] | words_[1]) == 0; }
  int size() const {
    return std::popcount(words_[0]) + std::popcount(words_[1]);
  }
  std::array<uint64_t, 2>& words() { return words_; }
  const std::array<uint64_t, 2>& words() const { return words_; }

  // Calls `visit(category)` in ascending order.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (int word = 0; word < 2; ++word) {
      for (uint64_t rest = words_[word]; rest != 0; rest &= rest - 1) {
        visit(word * 64 + std::countr_zero(rest));
      }
    }
  }

  auto operator<=>(const CategorySet&) const = default;

 private:
  static uint64_t Bit(int category) { return uint64_t{1} << (category & 63); }

  std::array<uint64_t, 2> words_ = {0, 0};
};

}  // namespace schoolgate::rules
