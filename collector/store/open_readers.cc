#include "collector/store/open_readers.h"

#include <utility>

namespace schoolgate::collector {

absl::StatusOr<EventReader*> OpenReaders::Of(uint64_t file,
                                             const std::string& path) {
  const auto known = entries_.find(file);
  if (known != entries_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, known->second.used);
    return known->second.reader.get();
  }
  absl::StatusOr<std::unique_ptr<EventReader>> opened = EventReader::Open(path);
  if (!opened.ok()) return opened.status();
  if (entries_.size() >= kMost) Close(by_use_.back());
  by_use_.push_front(file);
  Entry& entry = entries_[file];
  entry = {*std::move(opened), by_use_.begin()};
  return entry.reader.get();
}

void OpenReaders::Close(uint64_t file) {
  const auto known = entries_.find(file);
  if (known == entries_.end()) return;
  by_use_.erase(known->second.used);
  entries_.erase(known);
}

}  // namespace schoolgate::collector
