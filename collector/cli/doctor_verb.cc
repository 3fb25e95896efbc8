#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/doctor.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  bool json = false;
  bool strict = false;
};

const char* WordOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "good";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kBad:
      return "bad";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "skipped";
}

void Print(const Diagnosis& diagnosis, bool json) {
  if (json) {
    const nlohmann::json line = {{"check", diagnosis.check},
                                 {"verdict", WordOf(diagnosis.verdict)},
                                 {"finding", diagnosis.finding},
                                 {"mend", diagnosis.mend}};
    std::printf("%s\n", line.dump(-1, ' ', false,
                                  nlohmann::json::error_handler_t::replace)
                            .c_str());
    return;
  }
  std::printf("%-8s %s: %s\n", WordOf(diagnosis.verdict),
              diagnosis.check.c_str(), diagnosis.finding.c_str());
  if (!diagnosis.mend.empty()) {
    std::printf("         %s\n", diagnosis.mend.c_str());
  }
}

int Look(const Options& options) {
  Examination examination(options.directory, platform::SystemClock().Now());
  bool ill = false;
  for (const Diagnosis& diagnosis : examination.Run()) {
    Print(diagnosis, options.json);
    ill |= diagnosis.verdict == Verdict::kBad ||
           (options.strict && diagnosis.verdict == Verdict::kWarning);
  }
  return ill ? platform::kExitFailed : platform::kExitOk;
}

}  // namespace

void AddDoctor(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "doctor",
      "Look for common mistakes and say how to mend them; exit code 1 when "
      "something is bad. Changes nothing, also while the collector runs");
  AddDataOption(*verb, &options->directory);
  verb->add_flag("--strict", options->strict,
                 "A warning counts as bad for the exit code");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->callback([options, exit_code] { *exit_code = Look(*options); });
}

}  // namespace schoolgate::collector
