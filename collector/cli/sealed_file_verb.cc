#include <cstdio>
#include <memory>

#include "collector/cli/program.h"
#include "collector/cli/sealed_file.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"

namespace schoolgate::collector {
namespace {

struct Options {
  std::string file, key, output;
};

absl::Status MakeKey(const Options& options) {
  const absl::Status made = MakeReaderKey(options.output);
  if (!made.ok()) return made;
  std::printf(
      "%s.key opens what is sealed to %s.pub. Give the second one to who makes "
      "reports;\nthe first one stays with who reads them: without it they are "
      "lost.\n",
      options.output.c_str(), options.output.c_str());
  return absl::OkStatus();
}

absl::Status Unseal(const Options& options) {
  const absl::StatusOr<std::string> opened =
      OpenSealed(options.file, options.key);
  if (!opened.ok()) return opened.status();
  return WriteSecretFile(options.output, *opened);
}

}  // namespace

void AddSealedFiles(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* key = app.add_subcommand(
      "seal-key", "Make the keys with which reports are sealed and opened");
  key->add_option("-o,--output", options->output,
                  "Writes NAME.key and NAME.pub")
      ->required();
  key->callback([options, exit_code] {
    const absl::Status status = MakeKey(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
  CLI::App* unseal = app.add_subcommand(
      "unseal", "Open a report that was sealed: needs no collector");
  unseal->add_option("file", options->file, "The sealed file")->required();
  unseal->add_option("--key", options->key, "The reader's NAME.key")
      ->required();
  unseal->add_option("-o,--output", options->output, "Where to write it")
      ->required();
  unseal->callback([options, exit_code] {
    const absl::Status status = Unseal(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
