#include "agent/run/browsers_verb.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "agent/health/browser_policies.h"
#include "agent/run/config.h"
#include "platform/complaint.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kProgram[] = "schoolgate-agent";
constexpr size_t kFileLimit = 4096;
constexpr mode_t kMode = 0644;  // read by root, and no secret

std::string WishOf(const std::string& state_directory) {
  return state_directory + "/browsers.json";
}

struct Options {
  std::string config = kDefaultConfigPath;
  bool remove = false;
  bool json = false;
};

int Run(const Options& options) {
  const auto config = LoadAgentConfig(options.config);
  // Taking away needs no configuration: it may be what is broken.
  if (!config.ok() && !options.remove) {
    return platform::Complain(kProgram, config.status());
  }
  const bool harden =
      !options.remove && ReadBrowserWish(config->state_directory);
  const BrowserPlaces places;
  const absl::Status status =
      harden ? HardenBrowsers(places) : ReleaseBrowsers(places);
  for (const v1::BrowserState& state : LookAtBrowsers(places, harden)) {
    if (options.json) {
      const Json json = {{"browser", state.browser()},
                         {"state", state.state()}};
      std::printf("%s\n", json.dump().c_str());
    } else {
      std::printf("%-10s %s\n", state.browser().c_str(), state.state().c_str());
    }
  }
  return status.ok() ? platform::kExitOk : platform::Complain(kProgram, status);
}

}  // namespace

absl::Status WriteBrowserWish(const std::string& state_directory, bool harden) {
  return platform::ReplaceFile(WishOf(state_directory),
                               Json({{"harden", harden}}).dump() + "\n", kMode);
}

bool ReadBrowserWish(const std::string& state_directory) {
  const auto text =
      platform::ReadWholeFile(WishOf(state_directory), kFileLimit);
  if (!text.ok()) return false;
  const Json json = Json::parse(*text, nullptr, false);
  return json.is_object() && json.contains("harden") &&
         json["harden"].is_boolean() && json["harden"].get<bool>();
}

void AddBrowsers(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "browsers",
      "As root: lay down the policies that keep browsers from hiding names, or "
      "take them away, as the school's policy asks");
  verb->add_option("--config", options->config, "Configuration file")
      ->capture_default_str();
  verb->add_flag("--remove", options->remove,
                 "Take them away, whatever the policy asks");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace schoolgate::agent
