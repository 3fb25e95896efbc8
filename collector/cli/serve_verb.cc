#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "collector/cli/collector.h"
#include "collector/cli/program.h"
#include "collector/cli/service_notice.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/journal.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  CollectorOptions collector;
  bool no_dashboard = false;
  bool json = false;
};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

void Reload(Collector& collector) {
  NotifyServiceManager("RELOADING=1");
  std::vector<std::string> waiting;
  const absl::Status status = collector.Reload(&waiting);
  if (!status.ok()) {
    Log(Level::kError, "configuration_refused",
        {{"why", std::string(status.message())},
         {"what", "the earlier configuration goes on"}});
  } else {
    Log(Level::kNotice, "configuration_reloaded",
        {{"needs_restart", absl::StrJoin(waiting, " ")}});
  }
  NotifyServiceManager("READY=1");
}

void SayReady(const Options& options, const Collector& collector) {
  const std::string devices = collector.device_address();
  const std::string web = collector.dashboard_address();
  if (options.json) {
    const nlohmann::json line = {
        {"ready", true},
        {"devices", devices},
        {"dashboard", web.empty() ? "" : "https://" + web + "/"},
        {"metrics", collector.metrics_address()}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf(
        "ready: devices %s%s\n", devices.c_str(),
        web.empty() ? "" : (", dashboard https://" + web + "/").c_str());
  }
  std::fflush(stdout);
  NotifyServiceManager("READY=1");
}

int Serve(const Options& options) {
  umask(0077);
  // Before any thread starts, so that only this one is told.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  CollectorOptions chosen = options.collector;
  chosen.dashboard = !options.no_dashboard;
  absl::StatusOr<std::unique_ptr<Collector>> collector =
      Collector::Start(chosen, platform::SystemClock());
  if (!collector.ok()) return Complain(collector.status());
  SayReady(options, **collector);
  // So long may an order that was published wait.
  const timespec turn = {0, 200'000'000};
  int signal_number = 0;
  while (true) {
    signal_number = sigtimedwait(&signals, nullptr, &turn);
    if (signal_number == SIGHUP) Reload(**collector);
    if (signal_number > 0 && signal_number != SIGHUP) break;
    (*collector)->Tick();
    NotifyServiceManager("WATCHDOG=1");
  }
  NotifyServiceManager("STOPPING=1");
  Log(Level::kNotice, "stopping",
      {{"signal", signal_number == SIGINT ? "SIGINT" : "SIGTERM"},
       {"events", std::to_string((*collector)->counters().events)}});
  (*collector)->Stop();
  return platform::kExitOk;
}

}  // namespace

void AddServe(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "serve",
      "Run the collector until SIGTERM or SIGINT; prints one line when ready");
  AddDataOption(*verb, &options->collector.directory);
  verb->add_flag("--no-dashboard", options->no_dashboard,
                 "Without the dashboard");
  verb->add_option("--dashboard-files", options->collector.static_directory,
                   "Where the dashboard's files are (default: where they were "
                   "installed)");
  verb->add_flag("--json", options->json, "Print the ready line as JSON");
  verb->callback([options, exit_code] { *exit_code = Serve(*options); });
}

}  // namespace schoolgate::collector
