#include "rules/bundle/entry_table.h"

#include <functional>

#include "absl/hash/hash.h"
#include "platform/check.h"
#include "rules/bundle/host_name.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kFirstSlots = 1 << 12;

}  // namespace

EntryTable::EntryTable() : slots_(kFirstSlots, kNone) {
  sets_.emplace_back();
  set_numbers_.emplace(CategorySet(), 0);
}

size_t EntryTable::Slot(std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  size_t at = absl::HashOf(absl::string_view(name.data(), name.size())) & mask;
  while (slots_[at] != kNone && this->name(slots_[at]) != name) {
    at = (at + 1) & mask;
  }
  return at;
}

uint32_t EntryTable::Find(std::string_view name) const {
  return slots_[Slot(name)];
}

uint32_t EntryTable::Intern(std::string_view name) {
  size_t slot = Slot(name);
  if (slots_[slot] != kNone) return slots_[slot];
  if (rows_.size() * 4 >= slots_.size() * 3) {
    Grow();
    slot = Slot(name);
  }
  SG_CHECK(name.size() <= kHostLimit);
  const auto row = static_cast<uint32_t>(rows_.size());
  rows_.push_back({.begin = names_.size(), .length = name.size(), .set = 0});
  names_ += name;
  slots_[slot] = row;
  return row;
}

void EntryTable::Grow() {
  slots_.assign(slots_.size() * 2, kNone);
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    slots_[Slot(name(row))] = row;
  }
}

uint16_t EntryTable::Union(uint16_t set, const CategorySet& more) {
  CategorySet both = sets_[set];
  both.Add(more);
  const auto [at, added] =
      set_numbers_.emplace(both, static_cast<uint16_t>(sets_.size()));
  if (added) {
    SG_CHECK(sets_.size() < UINT16_MAX);
    sets_.push_back(both);
  }
  return at->second;
}

bool EntryTable::Add(std::string_view name, int category) {
  Row& row = rows_[Intern(name)];
  if (sets_[row.set].Has(category)) return false;
  const auto key = std::make_pair(static_cast<uint16_t>(row.set), category);
  auto at = with_category_.find(key);
  if (at == with_category_.end()) {
    CategorySet one;
    one.Add(category);
    at = with_category_.emplace(key, Union(row.set, one)).first;
  }
  row.set = at->second;
  return true;
}

void EntryTable::Add(std::string_view name, const CategorySet& set) {
  Row& row = rows_[Intern(name)];
  row.set = Union(row.set, set);
}

CategorySet EntryTable::Above(std::string_view name) const {
  CategorySet above;
  if (IsAddress(name)) return above;
  for (name = ParentOf(name); !name.empty(); name = ParentOf(name)) {
    const uint32_t row = Find(name);
    if (row != kNone) above.Add(sets_[rows_[row].set]);
  }
  return above;
}

void EntryTable::DropCovered(
    const std::function<void(std::string_view, const CategorySet&)>& dropped) {
  std::vector<uint16_t> remaining(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) {
    remaining[row] = rows_[row].set;
    CategorySet covered = Above(name(row));
    CategorySet kept = set(row);
    kept.Remove(covered);
    if (kept == set(row)) continue;
    CategorySet gone = set(row);
    gone.Remove(kept);
    dropped(name(row), gone);
    remaining[row] = Union(0, kept);
  }
  size_t kept = 0;
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (remaining[row] == 0) continue;
    rows_[kept] = rows_[row];
    rows_[kept].set = remaining[row];
    ++kept;
  }
  rows_.resize(kept);
  std::fill(slots_.begin(), slots_.end(), kNone);
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    slots_[Slot(name(row))] = row;
  }
}

std::vector<IndexEntry> EntryTable::Entries() const {
  std::vector<IndexEntry> entries;
  entries.reserve(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) {
    entries.push_back({name(row), set(row)});
  }
  return entries;
}

}  // namespace schoolgate::rules
