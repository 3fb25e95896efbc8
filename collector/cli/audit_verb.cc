#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/audit_log.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 1024;

struct Options {
  DataDirectory directory;
  bool json = false;
};

absl::StatusOr<std::unique_ptr<AuditLog>> OpenLog(const Options& options) {
  const absl::Status config = LoadConfig(options.directory).status();
  if (!config.ok()) return config;
  return OpenAudit(options.directory);
}

absl::Status Verify(const Options& options) {
  auto log = OpenLog(options);
  if (!log.ok()) return log.status();
  const absl::Status status = (*log)->Verify();
  if (!status.ok()) return status;
  uint64_t entries = 0;
  std::string head;
  while (true) {
    const auto page = (*log)->Read(entries, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    entries = page->back().number;
    head = page->back().hash;
  }
  if (options.json) {
    std::printf(
        "%s\n",
        nlohmann::json({{"entries", entries}, {"head", head}}).dump().c_str());
  } else {
    std::printf(
        "audit log: %llu entries, none changed or missing, head %s\n"
        "Keep the head elsewhere: entries cut off at the end show by "
        "it alone.\n",
        static_cast<unsigned long long>(entries), head.c_str());
  }
  return status;
}

absl::Status Show(const Options& options) {
  auto log = OpenLog(options);
  if (!log.ok()) return log.status();
  uint64_t after = 0;
  while (true) {
    const auto page = (*log)->Read(after, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) return absl::OkStatus();
    for (const AuditEntry& entry : *page) {
      after = entry.number;
      const std::string time = absl::FormatTime(
          "%Y-%m-%dT%H:%M:%SZ", entry.time, absl::UTCTimeZone());
      if (options.json) {
        const nlohmann::json line = {
            {"number", entry.number}, {"time", time},
            {"who", entry.who},       {"action", entry.action},
            {"about", entry.about},   {"detail", entry.detail},
            {"hash", entry.hash}};
        std::printf("%s\n", line.dump(-1, ' ', false,
                                      nlohmann::json::error_handler_t::replace)
                                .c_str());
      } else {
        std::printf("%6llu %s %-10s %-20s %s %s\n",
                    static_cast<unsigned long long>(entry.number), time.c_str(),
                    entry.who.c_str(), entry.action.c_str(),
                    entry.about.c_str(), entry.detail.c_str());
      }
    }
  }
}

}  // namespace

void AddAudit(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("audit", "Who did and saw what");
  verb->require_subcommand(1);
  const struct {
    const char* name;
    const char* what;
    absl::Status (*run)(const Options&);
  } all[] = {{"verify", "Prove that no entry was changed or taken out", Verify},
             {"show", "Print all entries", Show}};
  for (const auto& [name, what, run] : all) {
    CLI::App* part = verb->add_subcommand(name, what);
    AddDataOption(*part, &options->directory);
    part->add_flag("--json", options->json, "Print JSON");
    part->callback([options, exit_code, run = run] {
      const absl::Status status = run(*options);
      if (!status.ok()) *exit_code = Complain(status);
    });
  }
}

}  // namespace schoolgate::collector
