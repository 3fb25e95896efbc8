// What one policy lets happen that another did not.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "rules/policy/tables.h"

namespace schoolgate::rules {

inline constexpr size_t kMaxListed = 20;

// Differences in plain words: the first kMaxListed, and how many there are.
class Differences {
 public:
  void Add(std::string words) {
    if (words_.size() < kMaxListed) words_.push_back(std::move(words));
    ++count_;
  }
  uint64_t count() const { return count_; }
  const std::vector<std::string>& words() const { return words_; }
  // The first three, and how many more.
  std::string Summary() const;

 private:
  std::vector<std::string> words_;
  uint64_t count_ = 0;
};

struct Loosenings {
  Differences looser;
  Differences unlocked;  // taken from the locked list
};

// What a comparison has to find.
enum class Depth {
  kAll,
  kLockedOnly,  // fills `unlocked` alone; much faster
};

// Compares cell by cell (group, category, place, schedules, nominated users)
// and host rule by host rule; everything else by its own rule of what is
// tighter. What an older program cannot understand counts as looser.
void ComparePolicies(const PolicyTables& before, const PolicyTables& after,
                     Loosenings* found);

}  // namespace schoolgate::rules
