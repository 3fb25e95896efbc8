#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 256;
constexpr absl::Duration kPatience = absl::Seconds(1);

struct Options {
  DataDirectory directory;
  std::string school;
  uint64_t after = 0;
  bool follow = false, all = false, json = false;
};

std::string Stamp(int64_t unix_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(unix_us),
                          absl::UTCTimeZone());
}

// SEVERITY_RULE_BREAK -> rule_break.
std::string Word(const std::string& name, size_t prefix_bytes) {
  return absl::AsciiStrToLower(name.substr(prefix_bytes));
}
std::string Severity(const v1::Alert& alert) {
  return Word(v1::Severity_Name(alert.severity()), 9);
}
std::string State(const v1::Alert& alert) {
  return Word(v1::AlertState_Name(alert.state()), 12);
}

void Print(const nlohmann::json& line) {
  std::printf("%s\n", line.dump(-1, ' ', false,
                                nlohmann::json::error_handler_t::replace)
                          .c_str());
}

void PrintAlert(const v1::Alert& alert, const Options& options) {
  if (!options.json) {
    std::printf(
        "%s  %-10s %-8s #%llu %s\n", Stamp(alert.last_unix_us()).c_str(),
        Severity(alert).c_str(), State(alert).c_str(),
        static_cast<unsigned long long>(alert.id()), alert.sentence().c_str());
  } else {
    Print({{"id", alert.id()},
           {"revision", alert.revision()},
           {"school", alert.school()},
           {"severity", Severity(alert)},
           {"state", State(alert)},
           {"rule", alert.rule()},
           {"category", alert.category()},
           {"title", alert.title()},
           {"sentence", alert.sentence()},
           {"why", alert.why()},
           {"next_step", alert.next_step()},
           {"clause", alert.clause()},
           {"subject", alert.subject()},
           {"group", alert.group()},
           {"device", alert.device()},
           {"device_name", alert.device_name()},
           {"first", Stamp(alert.first_unix_us())},
           {"last", Stamp(alert.last_unix_us())},
           {"raised", Stamp(alert.raised_unix_us())},
           {"count", alert.count()},
           {"late", alert.late()}});
  }
  std::fflush(stdout);
}

absl::Status NoteLook(const Options& options, const char* action) {
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  return (*audit)->Append({.time = platform::SystemClock().Now(),
                           .who = "system",
                           .action = action,
                           .about = options.school,
                           .detail = "command line",
                           .hash = ""});
}

absl::Status Alerts(const Options& options) {
  const absl::Status config =
      LoadConfigOf(options.directory, options.school).status();
  if (!config.ok()) return config;
  absl::Status status = NoteLook(options, "list_alerts");
  if (!status.ok()) return status;
  auto store = OpenAlerts(options.directory);
  if (!store.ok()) return store.status();
  uint64_t seen = options.after;
  bool any = false;
  while (true) {
    const absl::StatusOr<std::vector<v1::Alert>> changes =
        (*store)->ChangesAfter(seen, kPage);
    if (!changes.ok()) return changes.status();
    for (const v1::Alert& alert : *changes) {
      seen = alert.revision();
      if (options.school.empty() || alert.school() == options.school) {
        PrintAlert(alert, options);
        any = true;
      }
    }
    if (!changes->empty()) continue;
    if (!options.follow) break;
    (*store)->WaitForChange(seen, kPatience);
  }
  if (!any && !options.json) std::printf("no alerts\n");
  return absl::OkStatus();
}

void PrintCase(const v1::Alert& alert, const Options& options) {
  if (!options.json) {
    std::printf("#%llu %-10s %-8s %s\n    %s\n",
                static_cast<unsigned long long>(alert.id()),
                Severity(alert).c_str(), State(alert).c_str(),
                alert.title().c_str(), alert.sentence().c_str());
    for (const v1::AlertNote& note : alert.notes()) {
      std::printf("    %s %s: %s\n", Stamp(note.time_unix_us()).c_str(),
                  note.author().c_str(), note.words().c_str());
    }
    return;
  }
  nlohmann::json notes = nlohmann::json::array();
  for (const v1::AlertNote& note : alert.notes()) {
    notes.push_back({{"time", Stamp(note.time_unix_us())},
                     {"author", note.author()},
                     {"words", note.words()}});
  }
  Print({{"id", alert.id()},
         {"school", alert.school()},
         {"severity", Severity(alert)},
         {"state", State(alert)},
         {"title", alert.title()},
         {"sentence", alert.sentence()},
         {"subject", alert.subject()},
         {"evidence", alert.evidence_size()},
         {"outcome", alert.incident().outcome()},
         {"notes", notes}});
}

absl::Status Cases(const Options& options) {
  const absl::Status config =
      LoadConfigOf(options.directory, options.school).status();
  if (!config.ok()) return config;
  absl::Status status = NoteLook(options, "list_cases");
  if (!status.ok()) return status;
  auto store = OpenAlerts(options.directory);
  if (!store.ok()) return store.status();
  AlertQuery query;
  query.school = options.school;
  query.open_only = !options.all;
  query.limit = 100'000;
  const absl::StatusOr<std::vector<v1::Alert>> found = (*store)->Find(query);
  if (!found.ok()) return found.status();
  for (const v1::Alert& alert : *found) PrintCase(alert, options);
  if (found->empty() && !options.json) std::printf("no open cases\n");
  return absl::OkStatus();
}

CLI::App* AddVerb(CLI::App& app, const char* name, const char* what,
                  const std::shared_ptr<Options>& options) {
  CLI::App* verb = app.add_subcommand(name, what);
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school, "Of this school only");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  return verb;
}

}  // namespace

void AddAlerts(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(app, "alerts", "List alerts in the order they changed", options);
  verb->add_flag("--follow", options->follow,
                 "Go on: print each alert as it is raised or changes");
  verb->add_option("--after", options->after,
                   "Only changes after this revision");
  verb->callback([options, exit_code] {
    const absl::Status status = Alerts(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

void AddCases(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(app, "cases",
              "List open cases, the worst first, with their notes", options);
  verb->add_flag("--all", options->all, "Closed ones too");
  verb->callback([options, exit_code] {
    const absl::Status status = Cases(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
