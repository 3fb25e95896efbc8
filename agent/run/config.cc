#include "agent/run/config.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "platform/yaml/yaml_reader.h"

namespace schoolgate::agent {
namespace {

// As the uplink has it, which reads the same file.
constexpr size_t kMostBytes = 256 * 1024;

class ConfigReader : platform::YamlReader {
 public:
  explicit ConfigReader(const std::string& path)
      : YamlReader(path, "\"man agent.yaml\"") {}

  absl::Status Read(const std::string& text, AgentConfig* config) {
    return ReadAll(text, [&](const YAML::Node& root) {
      if (!root.IsNull()) ReadRoot(root, config);
    });
  }

 private:
  void ReadRoot(const YAML::Node& root, AgentConfig* config) {
    AttributionRules& rules = config->attribution;
    const auto ignore = [](const YAML::Node&) {};  // the uplink's own keys
    Map(root,
        {{"state_directory", Word(&config->state_directory)},
         {"spool_directory", Word(&config->spool_directory)},
         {"socket", Word(&config->socket)},
         {"interface", Word(&config->interface)},
         {"enrolment_file", ignore},
         {"uplink", ignore},
         {"mode", [&](const YAML::Node& node) { ReadMode(node, config); }},
         {"protect_table",
          Either("protect_table", "yes", "no", &config->protect_table)},
         {"dpi", Either("dpi", "on", "off", &config->label_flows)},
         {"place", [&](const YAML::Node& node) { ReadPlace(node, config); }},
         {"heartbeat",
          [&](const YAML::Node& node) { ReadHeartbeat(node, config); }},
         {"people",
          [&](const YAML::Node& node) {
            List(node, [&](const YAML::Node& item) { Person(item, &rules); });
          }},
         {"shared_logins", Words(&rules.shared_logins)},
         {"judged_as_device", Words(&rules.judged_as_device)},
         {"until_notice_accepted", Word(&rules.until_notice_accepted)},
         {"browsers", Words(&rules.browsers)},
         {"unix_groups", [&](const YAML::Node& node) {
            if (!node.IsMap()) return Wrong(node, "expected a table");
            for (const auto& entry : node) {
              rules.unix_groups[WordOf(entry.first)] = WordOf(entry.second);
            }
          }}});
  }

  // An empty one is a mistake: it would stand for no folder, no group.
  std::string WordOf(const YAML::Node& node) {
    if (!node.IsScalar() || node.Scalar().empty()) {
      Wrong(node, "expected a word");
      return "";
    }
    return node.Scalar();
  }

  Setter Word(std::string* to) {
    return [this, to](const YAML::Node& node) { *to = WordOf(node); };
  }

  Setter Words(std::set<std::string>* to) {
    return [this, to](const YAML::Node& node) {
      List(node, [&](const YAML::Node& item) { to->insert(WordOf(item)); });
    };
  }

  Setter Either(const char* key, const char* yes, const char* no, bool* to) {
    return [this, key, yes, no, to](const YAML::Node& node) {
      const std::string word = WordOf(node);
      if (word != yes && word != no) {
        Wrong(node, absl::StrCat(key, " is \"", yes, "\" or \"", no, "\""));
      }
      *to = word == yes;
    };
  }

  void ReadMode(const YAML::Node& node, AgentConfig* config) {
    const std::string word = WordOf(node);
    if (word != "policy" && word != "shadow" && word != "observe") {
      Wrong(node, "mode is \"policy\", \"shadow\" or \"observe\"");
    }
    config->at_most =
        word == "policy" ? GateMode::kEnforce : GateModeNamed(word);
  }

  void ReadPlace(const YAML::Node& node, AgentConfig* config) {
    const std::string word = WordOf(node);
    if (word == "onsite") {
      config->place = rules::Place::kOnsite;
    } else if (word == "offsite") {
      config->place = rules::Place::kOffsite;
    } else {
      Wrong(node, "place is \"onsite\" or \"offsite\"");
    }
  }

  void ReadHeartbeat(const YAML::Node& node, AgentConfig* config) {
    if (!absl::ParseDuration(WordOf(node), &config->heartbeat) ||
        config->heartbeat < absl::Seconds(1)) {
      Wrong(node, "heartbeat is a time such as \"60s\", at least 1s");
    }
  }

  void Person(const YAML::Node& item, AttributionRules* rules) {
    uint32_t uid = platform::kNoUid;
    AttributionRules::Known person;
    Map(item, {{"uid",
                [&](const YAML::Node& node) {
                  uid = node.as<uint32_t>(platform::kNoUid);
                  if (uid == platform::kNoUid) Wrong(node, "expected a uid");
                }},
               {"login", Word(&person.login)},
               {"group", Word(&person.group)}});
    if (uid == platform::kNoUid || person.login.empty() ||
        person.group.empty()) {
      Wrong(item, "a person needs uid, login and group");
    }
    rules->people[uid] = std::move(person);
  }
};

}  // namespace

absl::StatusOr<AgentConfig> LoadAgentConfig(const std::string& path) {
  AgentConfig config;
  if (!std::filesystem::exists(path)) {
    return absl::NotFoundError(absl::StrCat(
        path, ": no such file: write one, or name it with --config"));
  }
  auto text = platform::ReadWholeFile(path, kMostBytes);
  if (!text.ok()) return text.status();
  if (absl::Status read = ConfigReader(path).Read(*text, &config); !read.ok()) {
    return read;
  }
  config.file = std::filesystem::absolute(path).string();
  if (config.spool_directory.empty()) {
    config.spool_directory = config.state_directory + "/spool";
  }
  if (config.socket.empty()) {
    config.socket = config.state_directory + "/agent.sock";
  }
  return config;
}

}  // namespace schoolgate::agent
