#include "collector/cli/data_directory.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/fleet/journal.h"
#include "collector/fleet/secret_file.h"
#include "collector/web/access.h"
#include "platform/yaml/yaml_reader.h"

namespace schoolgate::collector {
namespace {

constexpr int kMostDays = 365 * 20;

// JSON's strings are YAML's.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

class ConfigReader : platform::YamlReader {
 public:
  explicit ConfigReader(std::string file)
      : YamlReader(std::move(file), "docs/collector.md") {}

  absl::StatusOr<CollectorConfig> Read(const std::string& text) {
    CollectorConfig config;
    const absl::Status status =
        ReadAll(text, [&](const YAML::Node& root) { ReadRoot(root, &config); });
    if (!status.ok()) return status;
    return config;
  }

 private:
  void ReadRoot(const YAML::Node& root, CollectorConfig* config) {
    const auto days = [this](int* to) {
      return [this, to](const YAML::Node& node) { Days(node, to); };
    };
    Map(root,
        {{"trust", Text(&config->trust)},
         {"listen", Text(&config->listen)},
         {"web", Text(&config->web)},
         {"names", Texts(&config->names)},
         {"time_zone", Text(&config->time_zone)},
         {"keep_event_days", days(&config->keep_event_days)},
         {"keep_case_days", days(&config->keep_case_days)},
         {"contact", Text(&config->contact)},
         {"web_certificate", Text(&config->web_certificate)},
         {"web_key", Text(&config->web_key)},
         {"database", Text(&config->database)},
         {"clickhouse", [&](const YAML::Node& n) { ClickHouse(n, config); }},
         {"oidc", [&](const YAML::Node& n) { Oidc(n, config); }},
         {"metrics", Text(&config->metrics)},
         {"log_level", Text(&config->log_level)},
         {"log_format", Text(&config->log_format)},
         {"compare_schools", Flag(&config->compare_schools)},
         {"second_factor",
          [&](const YAML::Node& n) { RoleList(n, &config->need_code); }},
         {"schools", [&](const YAML::Node& n) { Schools(n, config); }}});
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(config->time_zone, &zone)) {
      Wrong(root["time_zone"], "time_zone is one like Europe/London");
    }
    if (!LevelNamed(config->log_level)) {
      Wrong(root["log_level"],
            "log_level is error, warning, notice, info or debug");
    }
    if (!LogFormatNamed(config->log_format)) {
      Wrong(root["log_format"], "log_format is auto, text, json or journal");
    }
    if (!config->clickhouse.shards.empty() && config->database.empty()) {
      Wrong(root["clickhouse"],
            "clickhouse needs database: what of its events counts lies there");
    }
    Address(root, "listen", config->listen);
    Address(root, "web", config->web);
    if (!config->metrics.empty()) Address(root, "metrics", config->metrics);
    if (config->web_certificate.empty() != config->web_key.empty()) {
      Wrong(root, "web_certificate and web_key go together");
    }
  }

  // Role words: [head, safety_lead].
  void RoleList(const YAML::Node& node, std::vector<Role>* to) {
    to->clear();
    if (!node.IsSequence()) return Wrong(node, "expected a list of roles");
    for (const YAML::Node& one : node) {
      const std::string word = one.IsScalar() ? one.Scalar() : "";
      std::vector<std::string> known;
      bool found = false;
      for (int i = 0; i <= static_cast<int>(Role::kDataProtectionOfficer);
           ++i) {
        known.emplace_back(RoleWord(static_cast<Role>(i)));
        if (known.back() != word) continue;
        to->push_back(static_cast<Role>(i));
        found = true;
      }
      if (!found) {
        Wrong(one, absl::StrCat("\"", word, "\" is no role: there are ",
                                absl::StrJoin(known, ", ")));
      }
    }
  }

  void Address(const YAML::Node& root, const char* key,
               const std::string& text) {
    const absl::Status status = ParseHostPort(text).status();
    if (!status.ok()) {
      Wrong(root[key], absl::StrCat(key, ": ", status.message()));
    }
  }

  void Days(const YAML::Node& node, int* to) {
    *to = node.IsScalar() ? node.as<int>(0) : 0;
    if (*to < 1 || *to > kMostDays) Wrong(node, "expected a number of days");
  }

  void Schools(const YAML::Node& node, CollectorConfig* config) {
    List(node, [&](const YAML::Node& item) {
      School& school = config->schools.emplace_back();
      Map(item, {{"id", Text(&school.id)}, {"name", Text(&school.name)}});
    });
  }

  void ClickHouse(const YAML::Node& node, CollectorConfig* config) {
    ClickHouseConfig& to = config->clickhouse;
    Map(node, {{"shards", [&](const YAML::Node& n) { Shards(n, &to); }},
               {"database", Text(&to.database)},
               {"user", Text(&to.user)},
               {"password_file", Text(&to.password_file)},
               {"ca_file", Text(&to.ca_file)},
               {"cluster", Text(&to.cluster)},
               {"quorum", [&](const YAML::Node& n) {
                  to.quorum = n.IsScalar() ? n.as<int>(0) : 0;
                }}});
    if (!ok()) return;
    const absl::Status good = CheckClickHouseConfig(to);
    if (!good.ok()) {
      Wrong(node, absl::StrCat("clickhouse: ", good.message()));
    }
  }

  void Oidc(const YAML::Node& node, CollectorConfig* config) {
    OidcConfig& to = config->oidc;
    Map(node, {{"issuer", Text(&to.issuer)},
               {"client_id", Text(&to.client_id)},
               {"client_secret_file", Text(&to.client_secret_file)},
               {"dashboard", Text(&to.dashboard)},
               {"name", Text(&to.name)},
               {"ca_file", Text(&to.ca_file)},
               {"fresh_minutes", [&](const YAML::Node& n) {
                  to.fresh_minutes = n.IsScalar() ? n.as<int>(-1) : -1;
                }}});
    if (!ok()) return;
    const absl::Status good = CheckOidcConfig(to);
    if (!good.ok()) Wrong(node, absl::StrCat("oidc: ", good.message()));
  }

  void Shards(const YAML::Node& node, ClickHouseConfig* to) {
    if (!node.IsSequence()) return Wrong(node, "expected a list of shards");
    for (const YAML::Node& shard : node) {
      if (!shard.IsSequence()) {
        return Wrong(shard, "expected the servers of a shard as a list");
      }
      const Setter set = Texts(&to->shards.emplace_back());
      set(shard);
    }
  }
};

void AppendClickHouse(const ClickHouseConfig& config, std::string* text) {
  if (config.shards.empty()) return;
  absl::StrAppend(text, "clickhouse:\n  shards:\n");
  for (const std::vector<std::string>& shard : config.shards) {
    absl::StrAppend(text, "    - ", nlohmann::json(shard).dump(), "\n");
  }
  const std::pair<const char*, const std::string&> words[] = {
      {"database", config.database},
      {"user", config.user},
      {"password_file", config.password_file},
      {"ca_file", config.ca_file},
      {"cluster", config.cluster}};
  for (const auto& [key, word] : words) {
    if (word.empty()) continue;
    absl::StrAppend(text, "  ", key, ": ", Quoted(word), "\n");
  }
  absl::StrAppend(text, "  quorum: ", config.quorum, "\n");
}

void AppendOidc(const OidcConfig& config, std::string* text) {
  if (config.issuer.empty()) return;
  absl::StrAppend(text, "oidc:\n");
  const std::pair<const char*, const std::string&> words[] = {
      {"issuer", config.issuer},
      {"client_id", config.client_id},
      {"client_secret_file", config.client_secret_file},
      {"dashboard", config.dashboard},
      {"name", config.name},
      {"ca_file", config.ca_file}};
  for (const auto& [key, word] : words) {
    if (word.empty()) continue;
    absl::StrAppend(text, "  ", key, ": ", Quoted(word), "\n");
  }
  absl::StrAppend(text, "  fresh_minutes: ", config.fresh_minutes, "\n");
}

}  // namespace

absl::StatusOr<std::string> ReadHexKey(const std::string& file) {
  absl::StatusOr<std::string> text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  while (!text->empty() && text->back() == '\n') text->pop_back();
  absl::StatusOr<std::string> key = seal::FromHex(*text);
  if (!key.ok() || key->size() != seal::kPublicKeyBytes) {
    return absl::DataLossError(
        absl::StrCat(file, ": not a key: restore the backup"));
  }
  return key;
}

absl::StatusOr<CollectorConfig> LoadConfig(const DataDirectory& directory) {
  const absl::StatusOr<std::string> text = ReadSmallFile(directory.Config());
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(directory.path,
                     ": no collector here: run `schoolgate-collector setup "
                     "--data ",
                     directory.path, " --school NAME` first"));
  }
  if (!text.ok()) return text.status();
  return ConfigReader(directory.Config()).Read(*text);
}

absl::Status SaveConfig(const DataDirectory& directory,
                        const CollectorConfig& config) {
  std::string text =
      "# Keys: docs/collector.md. Read when the collector starts and at\n"
      "# `systemctl reload`.\n";
  absl::StrAppend(&text, "trust: ", Quoted(config.trust),
                  "\nlisten: ", Quoted(config.listen),
                  "\nweb: ", Quoted(config.web), "\nnames:\n");
  for (const std::string& name : config.names) {
    absl::StrAppend(&text, "  - ", Quoted(name), "\n");
  }
  absl::StrAppend(&text, "time_zone: ", Quoted(config.time_zone),
                  "\nkeep_event_days: ", config.keep_event_days,
                  "\nkeep_case_days: ", config.keep_case_days,
                  "\ncontact: ", Quoted(config.contact), "\n");
  if (!config.web_certificate.empty()) {
    absl::StrAppend(&text, "web_certificate: ", Quoted(config.web_certificate),
                    "\nweb_key: ", Quoted(config.web_key), "\n");
  }
  if (!config.database.empty()) {
    absl::StrAppend(&text, "database: ", Quoted(config.database), "\n");
  }
  AppendClickHouse(config.clickhouse, &text);
  AppendOidc(config.oidc, &text);
  if (!config.metrics.empty()) {
    absl::StrAppend(&text, "metrics: ", Quoted(config.metrics), "\n");
  }
  absl::StrAppend(&text, "log_level: ", Quoted(config.log_level),
                  "\nlog_format: ", Quoted(config.log_format), "\n");
  if (config.compare_schools) text += "compare_schools: yes\n";
  if (!config.need_code.empty()) {
    absl::StrAppend(&text, "second_factor: [",
                    absl::StrJoin(config.need_code, ", ",
                                  [](std::string* out, Role role) {
                                    out->append(RoleWord(role));
                                  }),
                    "]\n");
  }
  absl::StrAppend(&text, "schools:\n");
  for (const School& school : config.schools) {
    absl::StrAppend(&text, "  - id: ", Quoted(school.id),
                    "\n    name: ", Quoted(school.name), "\n");
  }
  return WriteSecretFile(directory.Config(), text);
}

std::vector<std::string> KeysThatNeedARestart(const CollectorConfig& a,
                                              const CollectorConfig& b) {
  std::vector<std::string> keys;
  const struct {
    const char* key;
    bool same;
  } all[] = {{"trust", a.trust == b.trust},
             {"listen", a.listen == b.listen},
             {"web", a.web == b.web},
             {"names", a.names == b.names},
             {"time_zone", a.time_zone == b.time_zone},
             {"database", a.database == b.database},
             {"clickhouse", a.clickhouse == b.clickhouse},
             {"oidc", a.oidc == b.oidc},
             {"contact", a.contact == b.contact},
             {"second_factor", a.need_code == b.need_code},
             {"compare_schools", a.compare_schools == b.compare_schools}};
  for (const auto& [key, same] : all) {
    if (!same) keys.push_back(key);
  }
  return keys;
}

absl::StatusOr<std::string> LoadOidcSecret(const CollectorConfig& config) {
  if (config.oidc.client_secret_file.empty()) return std::string();
  absl::StatusOr<std::string> secret =
      ReadSmallFile(config.oidc.client_secret_file);
  if (!secret.ok()) return secret.status();
  while (!secret->empty() && absl::ascii_isspace(secret->back())) {
    secret->pop_back();
  }
  if (secret->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.oidc.client_secret_file,
        ": is empty: put the provider's client secret there, or take "
        "client_secret_file out of collector.yaml"));
  }
  return secret;
}

absl::Status CheckSchool(const CollectorConfig& config, const std::string& id) {
  std::vector<std::string> ids;
  for (const School& school : config.schools) {
    if (school.id == id) return absl::OkStatus();
    ids.push_back(school.id);
  }
  const std::string what =
      id.empty()
          ? "school: which of them: name it with --school: there are: "
          : absl::StrCat("school ", id, ": not one of ours: there are: ");
  return absl::NotFoundError(absl::StrCat(what, absl::StrJoin(ids, ", ")));
}

absl::StatusOr<CollectorConfig> LoadConfigOf(const DataDirectory& directory,
                                             const std::string& school) {
  absl::StatusOr<CollectorConfig> config = LoadConfig(directory);
  if (!config.ok() || school.empty()) return config;
  const absl::Status known = CheckSchool(*config, school);
  if (!known.ok()) return known;
  return config;
}

absl::StatusOr<EnrolmentGift> LoadGift(const DataDirectory& directory,
                                       const CollectorConfig& config) {
  EnrolmentGift gift;
  for (const School& school : config.schools) {
    SchoolKeys& keys = gift.schools[school.id];
    const struct {
      const char* file;
      std::string* key;
    } all[] = {{"pseudonym.key", &keys.pseudonym_key},
               {"safeguarding.pub", &keys.safeguarding_key},
               {"police.pub", &keys.police_key}};
    for (const auto& [file, key] : all) {
      absl::StatusOr<std::string> read =
          ReadHexKey(directory.SchoolFile(school.id, file));
      if (!read.ok()) return read.status();
      *key = *std::move(read);
    }
  }
  // Only setup makes one: with another key nothing could be opened that
  // devices have sealed already.
  std::error_code hidden;
  if (!std::filesystem::exists(directory.SealingKey(), hidden) && !hidden) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory.SealingKey(),
        ": missing, and devices seal to it: put it back from a backup"));
  }
  const absl::StatusOr<seal::BoxKey> sealing =
      seal::LoadOrCreateBoxKey(directory.SealingKey());
  if (!sealing.ok()) return sealing.status();
  gift.sealing_key = sealing->public_key();
  absl::StatusOr<std::string> root = ReadSmallFile(directory.RulesRoot());
  if (root.ok()) {
    gift.rules_root = *std::move(root);
  } else if (!absl::IsNotFound(root.status())) {
    return root.status();
  }
  return gift;
}

absl::StatusOr<HostPort> ParseHostPort(const std::string& text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > UINT16_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": not an address: write it like 0.0.0.0:4780"));
  }
  std::string host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostPort{host, static_cast<uint16_t>(port)};
}

}  // namespace schoolgate::collector
