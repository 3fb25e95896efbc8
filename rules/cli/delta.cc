// delta and apply: from one bundle to the next without sending it all.
#include "rules/bundle/delta.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "platform/complaint.h"
#include "rules/cli/json_line.h"
#include "rules/cli/verbs.h"

namespace schoolgate::rules {
namespace {

struct DeltaOptions {
  std::string old_bundle;
  std::string other;  // the new bundle, or the delta
  std::string output;
  bool json = false;
};

void AddOptions(CLI::App* verb, const char* other,
                const std::shared_ptr<DeltaOptions>& options) {
  verb->add_option("old", options->old_bundle, "OLD bundle")->required();
  verb->add_option(other, options->other)->required();
  verb->add_option("-o,--output", options->output, "The file to write")
      ->required();
  verb->add_flag("--json", options->json, "One JSON object");
}

int Print(const DeltaOptions& options,
          const absl::StatusOr<DeltaReport>& report) {
  if (!report.ok()) {
    return platform::Complain("schoolgate-rules", report.status());
  }
  if (options.json) {
    const nlohmann::json line = {{"output", options.output},
                                 {"removed", report->removed},
                                 {"added", report->added},
                                 {"delta_bytes", report->delta_bytes},
                                 {"bundle_bytes", report->bundle_bytes}};
    std::printf("%s\n", JsonLine(line).c_str());
    return platform::kExitOk;
  }
  std::printf("%s: %llu hosts go, %llu come", options.output.c_str(),
              static_cast<unsigned long long>(report->removed),
              static_cast<unsigned long long>(report->added));
  if (report->delta_bytes > 0) {
    std::printf("; %llu bytes instead of %llu",
                static_cast<unsigned long long>(report->delta_bytes),
                static_cast<unsigned long long>(report->bundle_bytes));
  }
  std::printf("\n");
  return platform::kExitOk;
}

}  // namespace

void AddDelta(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DeltaOptions>();
  CLI::App* verb = app.add_subcommand(
      "delta", "Write what leads from one bundle to the next.");
  AddOptions(verb, "new", options);
  verb->callback([options, exit_code] {
    *exit_code = Print(*options, WriteDelta(options->old_bundle, options->other,
                                            options->output));
  });
}

void AddApply(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DeltaOptions>();
  CLI::App* verb = app.add_subcommand(
      "apply", "Make the next bundle from the last one and a delta.");
  AddOptions(verb, "delta", options);
  verb->callback([options, exit_code] {
    *exit_code = Print(*options, ApplyDelta(options->old_bundle, options->other,
                                            options->output));
  });
}

}  // namespace schoolgate::rules
