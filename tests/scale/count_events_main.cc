// Counts what a collector's event store holds, in two ways: as detection reads
// it on, and as a search finds it. For tests/scale/cluster.
// usage: count_events DATA-DIRECTORY
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>

#include "collector/cli/open_stores.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 65536;

absl::Status Count(const std::string& path) {
  const auto store = OpenEventsToRead({path});
  if (!store.ok()) return store.status();
  std::set<std::tuple<std::string, uint64_t, uint64_t>> distinct;
  uint64_t cursor = 0, events = 0;
  while (true) {
    const auto page = (*store)->ReadAfter(cursor, kPage, &cursor);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    events += page->size();
    for (const StoredEvent& event : *page) {
      distinct.emplace(event.device, event.epoch, event.event.sequence());
    }
  }
  EventQuery all;
  all.limit = INT32_MAX;
  const auto found = (*store)->Find(all);
  if (!found.ok()) return found.status();
  const nlohmann::json line = {{"events", events},
                               {"distinct", distinct.size()},
                               {"found", found->size()}};
  std::printf("%s\n", line.dump().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: count_events DATA-DIRECTORY\n");
    return 2;
  }
  const absl::Status status = schoolgate::collector::Count(argv[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "count_events: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
