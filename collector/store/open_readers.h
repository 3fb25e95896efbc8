// The event files that are open for reading. Opening one takes as long as many
// searches in it, and closing the last connection to it writes; so they stay
// open, up to a limit.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/store/event_reader.h"

namespace schoolgate::collector {

// Not thread-safe.
class OpenReaders {
 public:
  // Three files and at most half a megabyte each.
  static constexpr size_t kMost = 128;

  // Opens the file when it is not open, and closes the one that was not asked
  // for longest when there are too many. Valid until the next call.
  absl::StatusOr<EventReader*> Of(uint64_t file, const std::string& path);

  void Close(uint64_t file);

 private:
  struct Entry {
    std::unique_ptr<EventReader> reader;
    std::list<uint64_t>::iterator used;
  };

  std::map<uint64_t, Entry> entries_;
  std::list<uint64_t> by_use_;  // the latest first
};

}  // namespace schoolgate::collector
