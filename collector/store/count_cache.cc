#include "collector/store/count_cache.h"

namespace schoolgate::collector {

bool CountCache::Add(uint64_t file, const std::string& school, absl::Time from,
                     absl::Time to, std::vector<HourCount>* counts) {
  const auto known = entries_.find({file, school});
  if (known == entries_.end()) return false;
  by_use_.splice(by_use_.begin(), by_use_, known->second.used);
  for (const Line& line : known->second.lines) {
    const absl::Time hour = absl::FromUnixSeconds(line.hour);
    if (hour < from || hour >= to) continue;
    counts->push_back({hour, words_[line.school], words_[line.group],
                       words_[line.category],
                       static_cast<v1::Action>(line.action), line.contacts});
  }
  return true;
}

void CountCache::Put(uint64_t file, const std::string& school,
                     const std::vector<HourCount>& counts) {
  if (counts.size() > kMostLines) return;
  if (const auto old = entries_.find({file, school}); old != entries_.end()) {
    Drop(old);
  }
  while (lines_ + counts.size() > kMostLines) {
    Drop(entries_.find(by_use_.back()));
  }
  by_use_.emplace_front(file, school);
  Entry& entry = entries_[by_use_.front()];
  entry.used = by_use_.begin();
  entry.lines.reserve(counts.size());
  for (const HourCount& one : counts) {
    entry.lines.push_back({absl::ToUnixSeconds(one.hour), NumberOf(one.school),
                           NumberOf(one.group), NumberOf(one.category),
                           static_cast<uint32_t>(one.action), one.contacts});
  }
  lines_ += counts.size();
}

void CountCache::Forget(uint64_t file) {
  auto entry = entries_.lower_bound({file, ""});
  while (entry != entries_.end() && entry->first.first == file) {
    Drop(entry++);
  }
}

uint32_t CountCache::NumberOf(const std::string& word) {
  const auto [known, fresh] =
      numbers_.emplace(word, static_cast<uint32_t>(words_.size()));
  if (fresh) words_.push_back(word);
  return known->second;
}

void CountCache::Drop(std::map<Key, Entry>::iterator entry) {
  lines_ -= entry->second.lines.size();
  by_use_.erase(entry->second.used);
  entries_.erase(entry);
}

}  // namespace schoolgate::collector
