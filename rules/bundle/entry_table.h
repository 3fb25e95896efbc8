// Hosts and the categories they are listed under, while a bundle is built.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/bundle/category_index.h"
#include "rules/bundle/category_set.h"

namespace schoolgate::rules {

// Five million names in about 250 MB. Not thread-safe.
class EntryTable {
 public:
  EntryTable();

  // False when the name is in the category already. `name` is a
  // HostName::text().
  bool Add(std::string_view name, int category);

  // Adds to an entry whatever categories it lacks.
  void Add(std::string_view name, const CategorySet& set);

  size_t size() const { return rows_.size(); }
  std::string_view name(size_t row) const {
    return {&names_[rows_[row].begin], rows_[row].length};
  }
  const CategorySet& set(size_t row) const { return sets_[rows_[row].set]; }

  // Drops every category that a name above the entry has as well, and then
  // the entries without any. Calls `dropped(name, categories)` for each.
  void DropCovered(
      const std::function<void(std::string_view, const CategorySet&)>& dropped);

  // The rows as the index builder takes them; they borrow from the table.
  std::vector<IndexEntry> Entries() const;

 private:
  struct Row {
    uint64_t begin : 40;
    uint64_t length : 8;
    uint64_t set : 16;
  };

  size_t Slot(std::string_view name) const;
  uint32_t Find(std::string_view name) const;  // kNone when absent
  uint32_t Intern(std::string_view name);
  uint16_t Union(uint16_t set, const CategorySet& more);
  CategorySet Above(std::string_view name) const;
  void Grow();

  static constexpr uint32_t kNone = UINT32_MAX;

  std::string names_;
  std::vector<Row> rows_;
  std::vector<uint32_t> slots_;
  std::vector<CategorySet> sets_;
  std::map<CategorySet, uint16_t> set_numbers_;
  std::map<std::pair<uint16_t, int>, uint16_t> with_category_;
};

}  // namespace schoolgate::rules
