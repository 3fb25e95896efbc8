#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/child_collector.h"
#include "collector/cli/load.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  LoadPlan plan;
  std::string enrolment;
  bool kill = false;
  bool json = false;
};

// What is known beside the load itself when the collector is our own.
struct Beside {
  absl::Duration cpu;
  uint64_t resident_bytes = 0;
  int64_t stored = -1;  // events found in the store afterwards
};

absl::StatusOr<SimulatedHome> HomeFrom(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  SimulatedHome home;
  const struct {
    const char* key;
    std::string* to;
  } all[] = {{"collector", &home.collector},
             {"token", &home.token},
             {"authority_pem", &home.authority_pem}};
  for (const auto& [key, to] : all) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(
          file, ": no ", key,
          ": give a file that `schoolgate-collector enrol-token -o` wrote"));
    }
    *to = json[key].get<std::string>();
  }
  return home;
}

absl::StatusOr<int64_t> CountStored(const DataDirectory& directory) {
  auto store = OpenEventsToRead(directory);
  if (!store.ok()) return store.status();
  int64_t count = 0;
  uint64_t cursor = 0;
  while (true) {
    constexpr size_t kPage = 65536;
    const auto page = (*store)->ReadAfter(cursor, kPage, &cursor);
    if (!page.ok()) return page.status();
    if (page->empty()) return count;
    count += static_cast<int64_t>(page->size());
  }
}

absl::StatusOr<LoadResult> WithOwnCollector(const Options& options,
                                            Beside* beside) {
  auto child = ChildCollector::Start("/proc/self/exe", "");
  if (!child.ok()) return child.status();
  const absl::StatusOr<SimulatedHome> home =
      (*child)->Home(2 * options.plan.devices);
  if (!home.ok()) return home.status();
  std::function<absl::StatusOr<std::string>()> blow;
  if (options.kill) {
    blow = [&child]() -> absl::StatusOr<std::string> {
      (*child)->Kill();
      const absl::Status started = (*child)->StartAgain();
      if (!started.ok()) return started;
      return (*child)->address();
    };
  }
  const absl::StatusOr<LoadResult> result = RunLoad(*home, options.plan, blow);
  if (!result.ok()) return result;
  beside->cpu = (*child)->CpuTime();
  beside->resident_bytes = (*child)->ResidentBytes();
  (*child)->Terminate();
  const absl::StatusOr<int64_t> stored = CountStored((*child)->directory());
  if (!stored.ok()) return stored.status();
  beside->stored = *stored;
  return result;
}

nlohmann::json Figures(const LoadResult& result, const Beside& beside,
                       const LoadPlan& plan) {
  const double seconds = absl::ToDoubleSeconds(result.sending);
  nlohmann::json line = {
      {"devices", plan.devices},
      {"events", result.events},
      {"batches", result.batches},
      {"sealed_bytes", result.sealed_bytes},
      {"seconds", seconds},
      {"events_per_second", static_cast<double>(result.events) / seconds},
      {"ack_p50_ms", absl::ToDoubleMilliseconds(result.ack_p50)},
      {"ack_p99_ms", absl::ToDoubleMilliseconds(result.ack_p99)},
      {"ack_max_ms", absl::ToDoubleMilliseconds(result.ack_max)},
      {"enrol_s", absl::ToDoubleSeconds(result.enrolling)},
      {"seal_s", absl::ToDoubleSeconds(result.sealing)},
      {"connect_s", absl::ToDoubleSeconds(result.connecting)},
      {"links_opened", result.links_opened},
      {"links_lost", result.links_lost},
      {"links_failed", result.links_failed}};
  if (result.back > absl::ZeroDuration()) {
    line["back_s"] = absl::ToDoubleSeconds(result.back);
  }
  if (beside.stored >= 0) {
    line["stored"] = beside.stored;
    line["collector_cpu_s"] = absl::ToDoubleSeconds(beside.cpu);
    line["collector_rss_mb"] = static_cast<double>(beside.resident_bytes) / 1e6;
  }
  return line;
}

void Print(const nlohmann::json& figures, bool json) {
  if (json) {
    std::printf("%s\n", figures.dump().c_str());
    return;
  }
  for (const auto& [name, value] : figures.items()) {
    std::printf("%-18s %s\n", name.c_str(), value.dump().c_str());
  }
}

absl::Status Simulate(const Options& options) {
  LoadPlan plan = options.plan;
  plan.end = platform::SystemClock().Now();
  if (isatty(STDERR_FILENO) != 0) {
    plan.progress = [](const std::string& words) {
      std::fprintf(stderr, "%s\n", words.c_str());
    };
  }
  Options exact = options;
  exact.plan = plan;
  Beside beside;
  absl::StatusOr<LoadResult> result = absl::UnknownError("");
  if (options.enrolment.empty()) {
    result = WithOwnCollector(exact, &beside);
  } else {
    const absl::StatusOr<SimulatedHome> home = HomeFrom(options.enrolment);
    if (!home.ok()) return home.status();
    result = RunLoad(*home, plan, nullptr);
  }
  if (!result.ok()) return result.status();
  Print(Figures(*result, beside, plan), options.json);
  if (result->links_failed > 0) {
    return absl::UnavailableError(absl::StrCat(
        result->links_failed, " devices failed: ",
        result->first_failure.empty() ? "not all was acknowledged in time"
                                      : result->first_failure));
  }
  if (beside.stored >= 0 &&
      beside.stored != static_cast<int64_t>(result->events)) {
    return absl::DataLossError(
        absl::StrCat("stored ", beside.stored, " events of ", result->events,
                     ": this is a bug of ours: report it"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddSimulate(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  LoadPlan& plan = options->plan;
  CLI::App* verb = app.add_subcommand(
      "simulate",
      "A simulated fleet that enrols and reports over real mTLS: events a "
      "second and how long acknowledgements take. Without --enrolment it "
      "starts a collector of its own beside it and counts what was stored");
  verb->add_option("--devices", plan.devices, "How many devices")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  verb->add_option("--days", plan.days, "Of how many days they report")
      ->check(CLI::Range(1u, 3650u))
      ->capture_default_str();
  verb->add_option("--seed", plan.seed, "What happens follows from it")
      ->capture_default_str();
  verb->add_option("--events-per-day", plan.events_per_day, "Of each device")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
  verb->add_option("--batch", plan.batch_events, "Events in a batch")
      ->check(CLI::Range(1u, 4096u))
      ->capture_default_str();
  verb->add_option("--rate", plan.rate,
                   "Events a second in all (default: as fast as it goes)");
  CLI::Option* enrolment =
      verb->add_option("--enrolment", options->enrolment,
                       "Report to the collector of this enrolment file");
  verb->add_flag("--kill", options->kill,
                 "Kill the own collector when half is acknowledged, and start "
                 "it again: all devices come back at once")
      ->excludes(enrolment);
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, exit_code] {
    const absl::Status status = Simulate(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
