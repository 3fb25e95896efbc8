// Test tool: the graded episodes that a collector holds, as JSON lines like
// those of `schoolgate-agent replay --episodes`.
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "collector/store/event_store.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kAtOnce = 1000;

absl::Status Print(const std::string& directory) {
  auto store = OpenSqliteEventStoreToRead(directory);
  if (!store.ok()) return store.status();
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (uint64_t cursor = 0;;) {
    uint64_t next = cursor;
    const auto events = (*store)->ReadAfter(cursor, kAtOnce, &next);
    if (!events.ok()) return events.status();
    for (const StoredEvent& stored : *events) {
      if (!stored.event.has_episode()) continue;
      std::string line;
      if (!google::protobuf::util::MessageToJsonString(stored.event, &line,
                                                       options)
               .ok()) {
        return absl::InternalError("an event cannot be printed");
      }
      std::puts(line.c_str());
    }
    if (events->empty()) return absl::OkStatus();
    cursor = next;
  }
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  CLI::App app("The graded episodes that a collector holds, as JSON lines.");
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  std::string directory;
  app.add_option("directory", directory, "DATA/events")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = schoolgate::collector::Print(directory);
  if (status.ok()) return 0;
  std::fprintf(stderr, "schoolgate-events: %s\n", status.ToString().c_str());
  return 1;
}
