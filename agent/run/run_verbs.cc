#include "agent/run/run_verbs.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/run/config.h"
#include "agent/run/live.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "platform/local_socket.h"
#include "platform/name_question.h"

namespace schoolgate::agent {
namespace {

constexpr char kProgram[] = "schoolgate-agent";
constexpr absl::Duration kSightPatience = absl::Seconds(2);

std::atomic<bool> stop_asked = false;

void AskToStop(int) { stop_asked = true; }

int Run(const std::string& config_path, const std::string& capture_file) {
  auto config = LoadAgentConfig(config_path);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  config->capture_file = capture_file;
  struct sigaction action {};
  action.sa_handler = AskToStop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const absl::Status status =
      RunLive(*config, platform::SystemClock(), stop_asked);
  return status.ok() ? platform::kExitOk : platform::Complain(kProgram, status);
}

absl::StatusOr<nlohmann::json> AskAgent(const AgentConfig& config,
                                        const nlohmann::json& question) {
  const auto reply = platform::AskLocal(config.socket, question.dump());
  if (!reply.ok()) return reply.status();
  nlohmann::json json = nlohmann::json::parse(*reply, nullptr, false);
  if (!json.is_object()) {
    return absl::DataLossError("agent: its answer cannot be read: update it");
  }
  return json;
}

// Asks until the agent has seen the name or patience is over.
absl::StatusOr<bool> WasSeen(const AgentConfig& config,
                             const std::string& name) {
  const platform::Clock& clock = platform::SystemClock();
  const absl::Duration until = clock.SinceBoot() + kSightPatience;
  while (true) {
    const auto answer = AskAgent(config, {{"ask", "seen"}, {"host", name}});
    if (!answer.ok()) return answer.status();
    if (answer->value("seen", false)) return true;
    if (clock.SinceBoot() > until) return false;
    platform::Pause(absl::Milliseconds(20));
  }
}

int SelfTest(const std::string& config_path, bool as_json) {
  const auto config = LoadAgentConfig(config_path);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  const std::string name = platform::FreshTestName();
  platform::AskOnLoopback(name);
  const auto seen = WasSeen(*config, name);
  if (!seen.ok()) return platform::Complain(kProgram, seen.status());
  const auto status = AskAgent(*config, {{"ask", "status"}});
  if (!status.ok()) return platform::Complain(kProgram, status.status());
  const bool rules = status->value("rules_version", 0) > 0;
  if (as_json) {
    std::printf("%s\n", nlohmann::json({{"sees_names", *seen},
                                        {"has_rules", rules},
                                        {"passed", *seen && rules}})
                            .dump()
                            .c_str());
  } else {
    std::printf("sees names: %s\nhas rules:  %s\n", *seen ? "yes" : "NO",
                rules ? "yes" : "NO");
  }
  return *seen && rules ? platform::kExitOk : platform::kExitFailed;
}

}  // namespace

void AddRun(CLI::App& app, int* exit_code) {
  auto path = std::make_shared<std::string>(kDefaultConfigPath);
  CLI::App* run = app.add_subcommand("run",
                                     "Watch this machine until told to "
                                     "stop");
  run->add_option("--config", *path, "Configuration file")
      ->capture_default_str();
  auto capture = std::make_shared<std::string>();
  run->add_option("--capture", *capture,
                  "Take the packets of this file, as if they came now, and "
                  "end with it");
  run->callback(
      [path, capture, exit_code] { *exit_code = Run(*path, *capture); });
}

void AddSelfTest(CLI::App& app, int* exit_code) {
  auto path = std::make_shared<std::string>(kDefaultConfigPath);
  auto as_json = std::make_shared<bool>(false);
  CLI::App* test = app.add_subcommand(
      "selftest", "Prove that the running agent sees names and has rules");
  test->add_option("--config", *path, "Configuration file")
      ->capture_default_str();
  test->add_flag("--json", *as_json, "Print one JSON object");
  test->callback(
      [path, as_json, exit_code] { *exit_code = SelfTest(*path, *as_json); });
}

}  // namespace schoolgate::agent
