#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/paper_shelf.h"
#include "collector/fleet/rings.h"
#include "collector/fleet/rules_report.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string school, why = "by hand";
  bool pause = false, go_on = false, roll_back = false, json = false;
};

std::string Whose(const std::string& school) {
  return school.empty() ? "all" : school;
}

void PrintText(const RulesReport& report) {
  std::printf("rules of %s\n", Whose(report.school).c_str());
  std::printf("  current   %s\n",
              report.current == 0
                  ? "none published"
                  : absl::StrCat("version ", report.current).c_str());
  if (report.rollout) {
    const Rollout& rollout = *report.rollout;
    std::printf(
        "  release   version %llu, ring %s: %zu of %zu devices have it%s%s\n",
        static_cast<unsigned long long>(rollout.bundle.version),
        RingName(rollout.ring), report.ring.have_it, report.ring.devices,
        rollout.paused ? ", paused: " : "",
        rollout.paused ? rollout.why.c_str() : "");
  }
  for (const auto& [version, count] : report.versions) {
    std::printf("  devices   %zu run %s\n", count,
                version == 0 ? "no rules yet"
                             : absl::StrCat("version ", version).c_str());
  }
  for (const auto& [freshness, count] : report.freshness) {
    std::printf("  signs     %zu %s\n", count, freshness.c_str());
  }
  for (const std::string& words : report.in_trouble) {
    std::printf("  trouble   %s\n", words.c_str());
  }
  if (report.trial_judged > 0) {
    std::printf("  on trial  %llu answers judged\n",
                static_cast<unsigned long long>(report.trial_judged));
  }
  for (const TrialLine& line : report.trial) {
    std::printf("    %6llu  %s, %s: %s -> %s\n",
                static_cast<unsigned long long>(line.count),
                line.category.empty() ? "no category" : line.category.c_str(),
                line.group.c_str(), line.before.c_str(), line.after.c_str());
  }
  for (const auto& paper : report.papers) {
    std::printf(
        "  in force  %s%s\n", paper->facts.name.c_str(),
        paper->facts.ends == absl::InfiniteFuture()
            ? ""
            : absl::StrCat(" until ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                                                       paper->facts.ends,
                                                       absl::UTCTimeZone()))
                  .c_str());
  }
}

absl::Status Show(const Options& options, const BundleShelf& shelf,
                  Rings& rings, absl::Time now) {
  std::vector<std::string> schools = {options.school};
  if (options.school.empty()) schools = shelf.Schools();
  if (schools.empty()) schools = {""};
  const PaperShelf papers(options.directory.Papers());
  for (const std::string& school : schools) {
    const auto devices = rings.DevicesOf(school);
    if (!devices.ok()) return devices.status();
    const RulesReport report =
        ReportRules(school, shelf, papers, *devices, now);
    if (options.json) {
      std::printf("%s\n", RulesJson(report)
                              .dump(-1, ' ', false,
                                    nlohmann::json::error_handler_t::replace)
                              .c_str());
    } else {
      PrintText(report);
    }
  }
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  const absl::Status config =
      LoadConfigOf(options.directory, options.school).status();
  if (!config.ok()) return config;
  auto store = OpenDevices(options.directory);
  if (!store.ok()) return store.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  const BundleShelf shelf(options.directory.Bundles());
  Rings rings(shelf, **store, **audit);
  const absl::Time now = platform::SystemClock().Now();
  absl::Status status;
  const std::string who = "command line";
  if (options.pause) {
    status = rings.Pause(options.school, who, options.why, now);
  } else if (options.go_on) {
    status = rings.GoOn(options.school, who, now);
  } else if (options.roll_back) {
    status = rings.RollBack(options.school, who, options.why, now);
  }
  return status.ok() ? Show(options, shelf, rings, now) : status;
}

}  // namespace

void AddRules(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "rules",
      "Rules on their way to devices: who runs what, who is stale, rings, "
      "what a trial would change; pause, go on, roll back");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school, "Of this school only");
  auto* pause = verb->add_flag("--pause", options->pause,
                               "Offer the release to no further device");
  auto* go_on = verb->add_flag("--go-on", options->go_on,
                               "After a pause, or to the next ring at once");
  auto* back = verb->add_flag("--roll-back", options->roll_back,
                              "Publish the fallback to everybody");
  pause->excludes(go_on)->excludes(back);
  go_on->excludes(back);
  verb->add_option("--why", options->why, "The reason, for the audit log");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->callback([options, exit_code] {
    const absl::Status status = Run(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
