// schoolgate-rules check: contradictions and traps of a policy.
#include "rules/policy/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "platform/complaint.h"
#include "rules/bundle/new_file.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/time_option.h"
#include "rules/cli/verbs.h"

namespace schoolgate::rules {
namespace {

struct Options {
  std::string policy;
  std::string at;
  bool json = false;
};

void PrintJson(const Finding& finding) {
  nlohmann::ordered_json line;
  line["file"] = finding.file;
  line["line"] = finding.line;
  line["kind"] = std::string(KindName(finding.kind));
  line["id"] = finding.id;
  line["what"] = finding.what;
  line["open"] = finding.open();
  if (finding.choice.empty()) {
    line["choice"] = nullptr;
  } else {
    line["choice"] = finding.choice;
    line["choice_line"] = finding.choice_line;
  }
  std::cout << JsonLine(line) << '\n';
}

void PrintText(const Finding& finding) {
  std::cout << finding.file;
  if (finding.line > 0) std::cout << ':' << finding.line;
  std::cout << ": " << KindName(finding.kind);
  if (!finding.id.empty()) std::cout << ' ' << finding.id;
  std::cout << ": " << finding.what << '\n';
  if (!finding.choice.empty()) {
    std::cout << "    chosen (line " << finding.choice_line
              << "): " << finding.choice << '\n';
  } else if (finding.open() && finding.kind != Finding::Kind::kMistake) {
    std::cout << "    not decided: write what the school chose under choices: "
              << finding.id << '\n';
  }
}

// Without taking a byte of what may be a pipe.
absl::Status CanBeRead(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0 || access(path.c_str(), R_OK) != 0) {
    return SystemError(path, "cannot be read", errno);
  }
  if (S_ISDIR(facts.st_mode)) {
    return SystemError(path, "cannot be read", EISDIR);
  }
  return absl::OkStatus();
}

int Run(const Options& options) {
  const absl::StatusOr<absl::Time> at = TimeOrNow(options.at);
  if (!at.ok()) {
    platform::Complain(kRulesProgram, at.status());
    return platform::kExitUsage;
  }
  // No policy was looked at, so there is nothing to find in one.
  if (absl::Status status = CanBeRead(options.policy); !status.ok()) {
    return platform::Complain(kRulesProgram, status);
  }
  int open = 0;
  int answered = 0;
  int warnings = 0;
  for (const Finding& finding : CheckPolicyFile(options.policy, *at)) {
    options.json ? PrintJson(finding) : PrintText(finding);
    open += finding.open() ? 1 : 0;
    warnings += finding.kind == Finding::Kind::kWarning ? 1 : 0;
    answered += finding.choice.empty() ? 0 : 1;
  }
  std::cerr << options.policy << ": " << open << " to be decided or mended, "
            << answered << " decided by the school, " << warnings
            << " warnings\n";
  return open == 0 ? platform::kExitOk : platform::kExitFailed;
}

}  // namespace

void AddCheck(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "check", "Find a policy's contradictions and traps, with file and line");
  verb->add_option("policy", options->policy, "Policy file")->required();
  verb->add_option("--at", options->at,
                   "RFC 3339 time for what expires; now when left out");
  verb->add_flag("--json", options->json, "One JSON object a line");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace schoolgate::rules
