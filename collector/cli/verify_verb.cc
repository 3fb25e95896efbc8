#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cases/custody.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPackLimit = 256 << 20;

struct Options {
  std::string pack, key;
  bool json = false;
};

absl::Status Verify(const Options& options) {
  const absl::StatusOr<CustodyFacts> facts =
      VerifyCustodyFile(options.pack, kPackLimit, options.key);
  if (!facts.ok()) return facts.status();
  if (options.json) {
    std::printf("%s\n", nlohmann::json({{"records", facts->records},
                                        {"hash", facts->hash},
                                        {"key", facts->key},
                                        {"about", facts->first}})
                            .dump()
                            .c_str());
    return absl::OkStatus();
  }
  std::printf(
      "%s: whole: %llu record%s, none changed, missing or added\n"
      "about: %s\n"
      "hash:  %s\n"
      "key:   %s\n",
      options.pack.c_str(), static_cast<unsigned long long>(facts->records),
      facts->records == 1 ? "" : "s", facts->first.dump().c_str(),
      facts->hash.c_str(), facts->key.c_str());
  if (options.key.empty()) {
    std::printf(
        "Who made it is shown by the key alone: compare it with the one that "
        "the school tells you, or give it with --key.\n");
  }
  return absl::OkStatus();
}

}  // namespace

void AddVerify(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("verify",
                                      "Check a custody pack: needs the file "
                                      "alone, no collector and no network");
  verb->add_option("pack", options->pack, "The file")->required();
  verb->add_option("--key", options->key,
                   "The collector's key, as the school tells it");
  verb->add_flag("--json", options->json, "Print JSON");
  verb->callback([options, exit_code] {
    const absl::Status status = Verify(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
