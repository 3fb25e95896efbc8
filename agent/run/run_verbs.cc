#include "agent/run/run_verbs.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "agent/run/config.h"
#include "agent/run/live.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "platform/local_socket.h"
#include "platform/name_question.h"
#include "rules/usual_groups.h"

namespace schoolgate::agent {
namespace {

constexpr char kProgram[] = "schoolgate-agent";
constexpr absl::Duration kSightPatience = absl::Seconds(2);

std::atomic<bool> stop_asked = false;

void AskToStop(int) { stop_asked = true; }

// Groups that people are put into, and no policy may have.
std::set<std::string> UnusualGroups(const AttributionRules& rules) {
  std::set<std::string> groups = rules.judged_as_device;
  groups.insert(rules.until_notice_accepted);
  for (const auto& [unix_group, group] : rules.unix_groups) {
    groups.insert(group);
  }
  for (const auto& [uid, person] : rules.people) groups.insert(person.group);
  groups.erase("");
  for (const std::string_view usual : rules::kUsualGroups) {
    groups.erase(std::string(usual));
  }
  return groups;
}

// Before it goes to thousands: with a mistake there no agent starts.
int CheckConfig(const std::string& config_path) {
  const auto config = LoadAgentConfig(config_path);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  for (const std::string& group : UnusualGroups(config->attribution)) {
    std::fprintf(
        stderr,
        "%s: %s: group \"%s\" is none of the usual ones: where the "
        "policy does not have it, its people get the strictest rules\n",
        kProgram, config_path.c_str(), group.c_str());
  }
  std::printf("%s: right\n", config_path.c_str());
  return platform::kExitOk;
}

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
  if (status.ok()) return platform::kExitOk;
  platform::Complain(kProgram, status);
  return absl::IsCancelled(status) ? platform::kExitOutOfUse
                                   : platform::kExitFailed;
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

// What the self-test found. `refused` only where the agent enforces and there
// is something to refuse.
struct Proof {
  bool seen = false;
  bool has_rules = false;
  bool must_refuse = false;
  bool refused = false;

  bool passed() const { return seen && has_rules && (refused || !must_refuse); }
};

// Asks for a name, as any program does, until the agent says what it made of
// it or patience is over.
absl::StatusOr<Proof> Prove(const AgentConfig& config) {
  const auto status = AskAgent(config, {{"ask", "status"}});
  if (!status.ok()) return status.status();
  const auto canary = AskAgent(config, {{"ask", "canary"}});
  if (!canary.ok()) return canary.status();
  Proof proof;
  proof.has_rules = status->value("rules_version", 0) > 0;
  proof.must_refuse =
      status->value("mode", "") == "enforce" && canary->value("blocked", false);
  const std::string name = canary->value("host", "");
  platform::NameQuestion question(name);
  const platform::Clock& clock = platform::SystemClock();
  const absl::Duration until = clock.SinceBoot() + kSightPatience;
  while (!(proof.seen && proof.refused == proof.must_refuse) &&
         clock.SinceBoot() < until) {
    const auto answer = AskAgent(config, {{"ask", "seen"}, {"host", name}});
    if (!answer.ok()) return answer.status();
    proof.seen = answer->value("seen", false);
    proof.refused = question.Refused() && answer->value("refused", false);
    platform::Pause(absl::Milliseconds(20));
  }
  return proof;
}

int SelfTest(const std::string& config_path, bool as_json) {
  const auto config = LoadAgentConfig(config_path);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  const auto proof = Prove(*config);
  if (!proof.ok()) return platform::Complain(kProgram, proof.status());
  if (as_json) {
    nlohmann::json json = {{"sees_names", proof->seen},
                           {"has_rules", proof->has_rules},
                           {"refuses_blocked", nullptr},
                           {"passed", proof->passed()}};
    if (proof->must_refuse) json["refuses_blocked"] = proof->refused;
    std::printf("%s\n", json.dump().c_str());
  } else {
    const auto word = [](bool good) { return good ? "yes" : "NO"; };
    std::printf("sees names:      %s\nhas rules:       %s\n", word(proof->seen),
                word(proof->has_rules));
    std::printf("refuses blocked: %s\n",
                proof->must_refuse ? word(proof->refused)
                                   : "not asked for: it does not enforce");
  }
  return proof->passed() ? platform::kExitOk : platform::kExitFailed;
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
  auto check = std::make_shared<bool>(false);
  run->add_flag("--check", *check,
                "Only say whether the configuration is right, and end");
  run->callback([path, capture, check, exit_code] {
    *exit_code = *check ? CheckConfig(*path) : Run(*path, *capture);
  });
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
