#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_store.h"
#include "collector/store/trace_id.h"

namespace schoolgate::collector {
namespace {

// An event may be dated by its end, its line in the alert by its beginning.
constexpr absl::Duration kAround = absl::Hours(24);
// Detection looks back so far.
constexpr absl::Duration kHistory = absl::Hours(24 * 14);
constexpr size_t kPage = 1000;
constexpr size_t kTraceDigits = 32;

struct Options {
  DataDirectory directory;
  std::string what;
  bool json = false;
};

std::string Stamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string TraceOf(const v1::AlertEvidence& line) {
  return TraceIdOf(line.device(), line.epoch(), line.sequence());
}

// The event of a trace, among those of a device about a time; nullopt when it
// was erased meanwhile.
absl::StatusOr<std::optional<StoredEvent>> EventOf(
    EventStore& events, const std::string& trace, const v1::Alert& alert,
    const std::string& device, int64_t from_us, int64_t to_us) {
  EventQuery query;
  query.school = alert.school();
  query.device = device;
  query.from = absl::FromUnixMicros(from_us) - kAround;
  query.to = absl::FromUnixMicros(to_us) + kAround;
  query.limit = 1'000'000;
  const absl::StatusOr<std::vector<StoredEvent>> found = events.Find(query);
  if (!found.ok()) return found.status();
  const auto one =
      std::find_if(found->begin(), found->end(), [&](const StoredEvent& event) {
        return TraceIdOf(event.device, event.epoch, event.event.sequence()) ==
               trace;
      });
  if (one == found->end()) return std::optional<StoredEvent>();
  return std::optional<StoredEvent>(*one);
}

void Print(const Options& options, const v1::Alert& alert,
           const v1::AlertEvidence& line,
           const std::optional<StoredEvent>& event) {
  nlohmann::json one = {
      {"trace", TraceOf(line)},
      {"alert", alert.id()},
      {"raised_by_it", TraceOf(line) == alert.trace_id()},
      {"device", line.device()},
      {"epoch", line.epoch()},
      {"sequence", line.sequence()},
      {"raised", Stamp(absl::FromUnixMicros(alert.raised_unix_us()))}};
  if (event) {
    one["device_clock"] =
        Stamp(absl::FromUnixMicros(event->event.time_unix_us()));
    one["happened"] = Stamp(event->happened);
    one["received"] = Stamp(event->received);
  }
  if (options.json) {
    std::printf("%s\n", one.dump().c_str());
    return;
  }
  std::printf("%s  alert %llu  %s %llu\n", TraceOf(line).c_str(),
              static_cast<unsigned long long>(alert.id()),
              line.device().c_str(),
              static_cast<unsigned long long>(line.sequence()));
  if (!event) {
    std::printf("  its event is erased\n");
    return;
  }
  const absl::Time raised = absl::FromUnixMicros(alert.raised_unix_us());
  std::printf("  happened %s\n  received %s (%s later)\n",
              Stamp(event->happened).c_str(), Stamp(event->received).c_str(),
              absl::FormatDuration(event->received - event->happened).c_str());
  if (TraceOf(line) == alert.trace_id()) {
    std::printf("  raised   %s (%s later)\n", Stamp(raised).c_str(),
                absl::FormatDuration(raised - event->received).c_str());
  }
}

// The alerts that WHAT names: by number, or by a trace in them.
absl::StatusOr<std::vector<v1::Alert>> AlertsOf(AlertStore& alerts,
                                                const std::string& what) {
  uint64_t id = 0;
  if (what.size() < kTraceDigits && absl::SimpleAtoi(what, &id)) {
    absl::StatusOr<v1::Alert> alert = alerts.Get(id);
    if (!alert.ok()) return alert.status();
    return std::vector<v1::Alert>{*std::move(alert)};
  }
  std::vector<v1::Alert> found;
  uint64_t after = 0;
  while (true) {
    const auto page = alerts.ChangesAfter(after, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    for (const v1::Alert& alert : *page) {
      after = alert.revision();
      const bool in =
          std::any_of(alert.evidence().begin(), alert.evidence().end(),
                      [&](const auto& line) { return TraceOf(line) == what; });
      if (in || alert.trace_id() == what) found.push_back(alert);
    }
  }
  if (!found.empty()) return found;
  return absl::NotFoundError(absl::StrCat(
      what,
      ": no alert has this trace: give an alert's number or the trace "
      "that its page or the log shows"));
}

absl::Status Follow(const Options& options, EventStore& events,
                    const v1::Alert& alert) {
  const bool one_trace = options.what.size() == kTraceDigits;
  bool told = false;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    if (one_trace && TraceOf(line) != options.what) continue;
    const auto event = EventOf(events, TraceOf(line), alert, line.device(),
                               line.time_unix_us(), line.time_unix_us());
    if (!event.ok()) return event.status();
    Print(options, alert, line, *event);
    told = true;
  }
  if (told || !one_trace) return absl::OkStatus();
  // What raised the alert need not be among what it rests on by now.
  const auto event =
      EventOf(events, options.what, alert, alert.device(),
              alert.raised_unix_us() - absl::ToInt64Microseconds(kHistory),
              alert.raised_unix_us());
  if (!event.ok()) return event.status();
  if (!*event) {
    return absl::NotFoundError(absl::StrCat(
        options.what, ": raised alert ", alert.id(), "; its event is erased"));
  }
  v1::AlertEvidence line;
  line.set_device((*event)->device);
  line.set_epoch((*event)->epoch);
  line.set_sequence((*event)->event.sequence());
  Print(options, alert, line, *event);
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  absl::Status status = LoadConfig(options.directory).status();
  if (!status.ok()) return status;
  auto alerts = OpenAlerts(options.directory);
  if (!alerts.ok()) return alerts.status();
  const auto found = AlertsOf(**alerts, options.what);
  if (!found.ok()) return found.status();
  auto events = OpenEventsToRead(options.directory);
  if (!events.ok()) return events.status();
  for (const v1::Alert& alert : *found) {
    status = Follow(options, **events, alert);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

void AddTrace(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "trace",
      "Follow events to the alert they became: when each happened, arrived "
      "and was told. No host and no person is shown");
  AddDataOption(*verb, &options->directory);
  verb->add_option("what", options->what,
                   "An alert's number, or a trace of 32 hex digits")
      ->required();
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->callback([options, exit_code] {
    const absl::Status status = Run(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
