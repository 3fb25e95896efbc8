// The hourly counts of event files that are written no more, in memory: a
// report over a term does not open ninety files.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Not thread-safe. Holds at most kMostLines lines (8 MB) and forgets the files
// that were not asked for longest.
class CountCache {
 public:
  static constexpr size_t kMostLines = 200'000;

  // Appends the file's lines of `school` (empty: all) whose hours are in
  // [from, to); false when the file is not known.
  bool Add(uint64_t file, const std::string& school, absl::Time from,
           absl::Time to, std::vector<HourCount>* counts);

  // All of the file's lines of `school`.
  void Put(uint64_t file, const std::string& school,
           const std::vector<HourCount>& counts);

  void Forget(uint64_t file);

 private:
  struct Line {
    int64_t hour;  // its first second
    uint32_t school, group, category, action;
    uint64_t contacts;
  };
  using Key = std::pair<uint64_t, std::string>;
  struct Entry {
    std::vector<Line> lines;
    std::list<Key>::iterator used;
  };

  uint32_t NumberOf(const std::string& word);
  void Drop(std::map<Key, Entry>::iterator entry);

  std::map<Key, Entry> entries_;
  std::list<Key> by_use_;  // the latest first
  size_t lines_ = 0;
  std::vector<std::string> words_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

}  // namespace schoolgate::collector
