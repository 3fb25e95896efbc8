// Test tool: events as JSON lines on standard input (as `schoolgate-agent
// replay --episodes` prints them) through the collector's detection and its
// words; the alerts that stand at the end as JSON lines on standard output.
#include <google/protobuf/util/json_util.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "collector/cases/case_book.h"
#include "collector/detect/detector.h"
#include "platform/complaint.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

constexpr char kProgram[] = "schoolgate-detect";

std::vector<StoredEvent> ReadEvents(std::istream& in, bool* ok) {
  std::vector<StoredEvent> events;
  std::string line;
  *ok = true;
  while (std::getline(in, line)) {
    if (line.empty()) continue;
    StoredEvent stored;
    stored.school = "school";
    stored.device = "device";
    stored.epoch = 1;
    if (!google::protobuf::util::JsonStringToMessage(line, &stored.event)
             .ok()) {
      *ok = false;
      return events;
    }
    stored.event.set_sequence(events.size() + 1);
    stored.happened = absl::FromUnixMicros(stored.event.time_unix_us());
    stored.received = stored.happened;
    events.push_back(std::move(stored));
  }
  return events;
}

absl::Status PrintAlerts(AlertStore& store) {
  auto alerts = store.Find({.limit = 100'000});
  if (!alerts.ok()) return alerts.status();
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (const v1::Alert& alert : *alerts) {
    if (alert.state() == v1::ALERT_STATE_CLOSED) continue;  // withdrawn
    std::string line;
    if (!google::protobuf::util::MessageToJsonString(alert, &line, options)
             .ok()) {
      return absl::InternalError(
          "alert: cannot be printed: this is a bug of ours: report it");
    }
    std::puts(line.c_str());
  }
  return absl::OkStatus();
}

absl::Status Detect(const std::vector<StoredEvent>& events) {
  std::string folder = std::filesystem::temp_directory_path() / "detect-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError(
        "temporary folder: cannot be made: name another in TMPDIR");
  }
  absl::Status status;
  if (auto store = OpenSqliteAlertStore(folder + "/alerts.sqlite");
      store.ok()) {
    Detector detector;
    CaseBook cases(**store, {});
    const absl::Time now =
        events.empty() ? absl::UnixEpoch() : events.back().happened;
    status = cases.Apply(detector.OnEvents(events, now), now).status();
    if (status.ok()) status = PrintAlerts(**store);
  } else {
    status = store.status();
  }
  std::filesystem::remove_all(folder);
  return status;
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  CLI::App app("Events as JSON lines in, the alerts they lead to out.",
               collector::kProgram);
  app.set_version_flag("--version", SCHOOLGATE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return platform::ExitFromParse(app, error, argc, argv);
  }
  bool ok = false;
  auto events = collector::ReadEvents(std::cin, &ok);
  const absl::Status status =
      ok ? collector::Detect(events)
         : absl::InvalidArgumentError(
               "standard input: line " + std::to_string(events.size() + 1) +
               " is no event: give what replay --episodes prints");
  return status.ok() ? platform::kExitOk
                     : platform::Complain(collector::kProgram, status);
}
