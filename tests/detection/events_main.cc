// Test tool: the graded episodes that a collector holds, as JSON lines like
// those of `schoolgate-agent replay --episodes`.
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "collector/store/event_store.h"
#include "platform/complaint.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

constexpr char kProgram[] = "schoolgate-events";
constexpr size_t kAtOnce = 1000;

absl::Status Print(const std::string& directory) {
  if (!std::filesystem::is_directory(directory)) {
    return absl::NotFoundError(
        directory + ": no such folder: give the folder events of a collector");
  }
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
        return absl::InternalError(
            "event: cannot be printed: this is a bug of ours: report it");
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
  using namespace schoolgate;  // main builds the world
  CLI::App app("The graded episodes that a collector holds, as JSON lines.",
               collector::kProgram);
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  std::string directory;
  app.add_option("directory", directory, "DATA/events")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return platform::ExitFromParse(app, error, argc, argv);
  }
  const absl::Status status = collector::Print(directory);
  return status.ok() ? platform::kExitOk
                     : platform::Complain(collector::kProgram, status);
}
