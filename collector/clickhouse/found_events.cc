#include "collector/clickhouse/found_events.h"

#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/clickhouse/row_binary.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {

absl::StatusOr<std::vector<FoundEvent>> EventsOf(const std::string& answer,
                                                 size_t* rows) {
  std::vector<FoundEvent> events;
  RowBinaryReader reader(answer);
  for (*rows = 0; reader.more(); ++*rows) {
    FoundEvent found;
    found.block = reader.UInt64();
    found.place = reader.UInt32();
    found.event.happened = FromMicros(reader.Int64());
    found.event.received = FromMicros(reader.Int64());
    found.event.school = reader.Text();
    found.event.device = reader.Text();
    found.event.epoch = reader.UInt64();
    const std::string_view body = reader.Text();
    if (!reader.whole() || body.size() > std::numeric_limits<int>::max() ||
        !found.event.event.ParseFromArray(body.data(),
                                          static_cast<int>(body.size()))) {
      return absl::DataLossError(absl::StrCat("ClickHouse: event ", found.block,
                                              "/", found.place,
                                              ": cannot be read"));
    }
    // A block that came twice lies twice until it is merged.
    if (!events.empty() && events.back().block == found.block &&
        events.back().place == found.place) {
      continue;
    }
    events.push_back(std::move(found));
  }
  return events;
}

}  // namespace schoolgate::collector
