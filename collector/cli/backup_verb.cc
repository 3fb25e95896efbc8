#include <cstdio>
#include <memory>

#include "collector/cli/backup.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string other;
};

void Say(const char* what, const std::string& where, const BackupCount& count) {
  std::printf("%s %s: %llu files, %.1f MB\n", what, where.c_str(),
              static_cast<unsigned long long>(count.files),
              static_cast<double>(count.bytes) / 1e6);
}

}  // namespace

void AddBackup(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "backup",
      "Copy everything but take-away/ into a new directory, while the "
      "collector runs. The copy holds the collector's secrets: keep it safe");
  AddDataOption(*verb, &options->directory);
  verb->add_option("-o,--output", options->other, "A new directory")
      ->required();
  verb->callback([options, exit_code] {
    const auto count = BackUp(options->directory, options->other,
                              platform::SystemClock().Now());
    if (!count.ok()) {
      *exit_code = Complain(count.status());
    } else {
      Say("backed up to", options->other, *count);
    }
  });
}

void AddRestore(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "restore", "Make a collector from a backup; devices notice but a pause");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--from", options->other, "The backup's directory")
      ->required();
  verb->callback([options, exit_code] {
    const auto count = Restore(options->other, options->directory);
    if (!count.ok()) {
      *exit_code = Complain(count.status());
    } else {
      Say("restored", options->directory.path, *count);
    }
  });
}

}  // namespace schoolgate::collector
