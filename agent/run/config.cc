#include "agent/run/config.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// Collects the first mistake, with its line.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  using Setter = std::function<void(const YAML::Node&)>;

  void Keys(const YAML::Node& map, const std::map<std::string, Setter>& keys) {
    if (!map.IsMap()) return Wrong(map, "expected a table of keys");
    for (const auto& entry : map) {
      const std::string name = entry.first.as<std::string>("");
      const auto known = keys.find(name);
      if (known == keys.end()) {
        Wrong(entry.first, absl::StrCat("unknown key \"", name, "\""));
      } else {
        known->second(entry.second);
      }
    }
  }

  std::string Text(const YAML::Node& node) {
    if (!node.IsScalar() || node.Scalar().empty()) {
      Wrong(node, "expected a word");
      return "";
    }
    return node.Scalar();
  }

  std::vector<std::string> Texts(const YAML::Node& node) {
    std::vector<std::string> texts;
    if (!node.IsSequence()) {
      Wrong(node, "expected a list");
      return texts;
    }
    for (const YAML::Node& item : node) texts.push_back(Text(item));
    return texts;
  }

  void Wrong(const YAML::Node& node, const std::string& why) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ":", node.Mark().line + 1, ": ", why,
                     ": see \"man schoolgate-agent\" for the keys"));
  }

  const absl::Status& status() const { return status_; }

 private:
  const std::string path_;
  absl::Status status_;
};

void ReadPeople(Reader& reader, const YAML::Node& list,
                AttributionRules* rules) {
  if (!list.IsSequence()) return reader.Wrong(list, "expected a list");
  for (const YAML::Node& item : list) {
    uint32_t uid = platform::kNoUid;
    AttributionRules::Known person;
    reader.Keys(
        item,
        {{"uid",
          [&](const YAML::Node& node) {
            uid = node.as<uint32_t>(platform::kNoUid);
            if (uid == platform::kNoUid) reader.Wrong(node, "expected a uid");
          }},
         {"login",
          [&](const YAML::Node& node) { person.login = reader.Text(node); }},
         {"group",
          [&](const YAML::Node& node) { person.group = reader.Text(node); }}});
    if (uid == platform::kNoUid || person.login.empty() ||
        person.group.empty()) {
      reader.Wrong(item, "a person needs uid, login and group");
    }
    rules->people[uid] = std::move(person);
  }
}

void ReadPlace(Reader& reader, const YAML::Node& node, AgentConfig* config) {
  const std::string word = reader.Text(node);
  if (word == "onsite") {
    config->place = rules::Place::kOnsite;
  } else if (word == "offsite") {
    config->place = rules::Place::kOffsite;
  } else {
    reader.Wrong(node, "place is \"onsite\" or \"offsite\"");
  }
}

void ReadHeartbeat(Reader& reader, const YAML::Node& node,
                   AgentConfig* config) {
  if (!absl::ParseDuration(reader.Text(node), &config->heartbeat) ||
      config->heartbeat < absl::Seconds(1)) {
    reader.Wrong(node, "heartbeat is a time such as \"60s\", at least 1s");
  }
}

// Whether it is the first of the two words.
bool Either(Reader& reader, const YAML::Node& node, const char* key,
            const char* first, const char* second) {
  const std::string word = reader.Text(node);
  if (word != first && word != second) {
    reader.Wrong(node,
                 absl::StrCat(key, " is \"", first, "\" or \"", second, "\""));
  }
  return word == first;
}

absl::Status Read(const std::string& path, const YAML::Node& root,
                  AgentConfig* config) {
  Reader reader(path);
  AttributionRules& rules = config->attribution;
  const auto text = [&](std::string* to) {
    return [&reader, to](const YAML::Node& node) { *to = reader.Text(node); };
  };
  const auto texts = [&](std::set<std::string>* to) {
    return [&reader, to](const YAML::Node& node) {
      for (std::string& one : reader.Texts(node)) to->insert(std::move(one));
    };
  };
  const auto ignore = [](const YAML::Node&) {};  // the uplink's own keys
  reader.Keys(
      root,
      {{"state_directory", text(&config->state_directory)},
       {"spool_directory", text(&config->spool_directory)},
       {"socket", text(&config->socket)},
       {"interface", text(&config->interface)},
       {"enrolment_file", ignore},
       {"uplink", ignore},
       {"mode",
        [&](const YAML::Node& node) {
          const std::string word = reader.Text(node);
          if (word != "policy" && word != "shadow" && word != "observe") {
            reader.Wrong(node, "mode is \"policy\", \"shadow\" or \"observe\"");
          }
          config->at_most =
              word == "policy" ? GateMode::kEnforce : GateModeNamed(word);
        }},
       {"protect_table",
        [&](const YAML::Node& node) {
          config->protect_table =
              Either(reader, node, "protect_table", "yes", "no");
        }},
       {"dpi",
        [&](const YAML::Node& node) {
          config->label_flows = Either(reader, node, "dpi", "on", "off");
        }},
       {"place",
        [&](const YAML::Node& node) { ReadPlace(reader, node, config); }},
       {"heartbeat",
        [&](const YAML::Node& node) { ReadHeartbeat(reader, node, config); }},
       {"people",
        [&](const YAML::Node& node) { ReadPeople(reader, node, &rules); }},
       {"shared_logins", texts(&rules.shared_logins)},
       {"judged_as_device", texts(&rules.judged_as_device)},
       {"until_notice_accepted", text(&rules.until_notice_accepted)},
       {"browsers", texts(&rules.browsers)},
       {"unix_groups", [&](const YAML::Node& node) {
          if (!node.IsMap()) return reader.Wrong(node, "expected a table");
          for (const auto& entry : node) {
            rules.unix_groups[reader.Text(entry.first)] =
                reader.Text(entry.second);
          }
        }}});
  return reader.status();
}

}  // namespace

absl::StatusOr<AgentConfig> LoadAgentConfig(const std::string& path) {
  AgentConfig config;
  if (!std::filesystem::exists(path)) {
    return absl::NotFoundError(absl::StrCat(
        path, ": no such file: write one, or name it with --config"));
  }
  // yaml-cpp reports by exception; this is the one place that meets it.
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (!root.IsNull()) {
      if (absl::Status status = Read(path, root, &config); !status.ok()) {
        return status;
      }
    }
  } catch (const YAML::ParserException& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.mark.line + 1, ": not YAML: ", error.msg,
                     ": mend this line"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", error.what(),
                     ": check the file and its permissions"));
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
