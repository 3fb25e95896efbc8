#include "agent/uplink/config.h"

#include <string_view>
#include <utility>

#include "platform/whole_file.h"
#include "platform/yaml/yaml_reader.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kConfigLimit = 256 * 1024;

// A key without a value is as good as none.
class ConfigReader : platform::YamlReader {
 public:
  ConfigReader(const std::string& path, std::string_view manual)
      : YamlReader(path, manual) {}

  absl::Status Read(const std::string& text, UplinkConfig* config) {
    return ReadKeys(text,
                    {{"state_directory", Given(Text(&config->state_directory))},
                     {"spool_directory", Given(Text(&config->spool_directory))},
                     {"enrolment_file", Given(Text(&config->enrolment_file))},
                     {"uplink", Given([&](const YAML::Node& node) {
                        Map(node, {{"megabytes_a_day",
                                    Megabytes(&config->megabytes_a_day)}});
                      })}});
  }

  absl::Status Read(const std::string& text, EnrolmentFile* file) {
    return ReadKeys(
        text,
        {{"collector", Given(Text(&file->collector))},
         {"authority_pem", Given(Text(&file->authority_pem))},
         {"authority_fingerprint", Given(Text(&file->authority_fingerprint))},
         {"token", Given(Text(&file->token))},
         {"inventory_number", Given(Text(&file->inventory_number))}});
  }

 private:
  absl::Status ReadKeys(const std::string& text, const Keys& keys) {
    return ReadAll(text, Given([&](const YAML::Node& root) {
                     MapAmongOthers(root, keys);
                   }));
  }

  static Setter Given(Setter set) {
    return [set = std::move(set)](const YAML::Node& node) {
      if (!node.IsNull()) set(node);
    };
  }

  Setter Megabytes(uint64_t* to) {
    return [this, to](const YAML::Node& node) {
      const auto number = node.as<int64_t>(-1);
      if (number < 1 || number > 1'000'000) {
        return Wrong(node,
                     "megabytes_a_day: expected a number from 1 to 1000000");
      }
      *to = static_cast<uint64_t>(number);
    };
  }
};

std::string PlainHex(const std::string& text) {
  std::string hex;
  for (char c : text) {
    if (c == ':' || c == ' ') continue;
    hex.push_back(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
  }
  return hex;
}

bool IsHostAndPort(const std::string& text) {
  const size_t colon = text.rfind(':');
  return colon != std::string::npos && colon > 0 && colon + 1 < text.size() &&
         text.find_first_of("/@ ") == std::string::npos &&
         text.find_first_not_of("0123456789", colon + 1) == std::string::npos;
}

absl::Status Check(const std::string& path, const EnrolmentFile& file) {
  if (!IsHostAndPort(file.collector)) {
    return absl::InvalidArgumentError(
        path +
        ": collector: missing or not host:port: take the file that "
        "`schoolgate-collector enrol-token` wrote");
  }
  if (file.authority_pem.empty() &&
      (file.authority_fingerprint.size() != 64 ||
       file.authority_fingerprint.find_first_not_of("0123456789abcdef") !=
           std::string::npos)) {
    return absl::InvalidArgumentError(
        path +
        ": neither authority_pem nor a SHA-256 authority_fingerprint: "
        "without one the collector cannot be told from an impostor");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UplinkConfig> LoadUplinkConfig(const std::string& path) {
  UplinkConfig config;
  const std::string file = path.empty() ? kDefaultUplinkConfig : path;
  auto text = platform::ReadWholeFile(file, kConfigLimit);
  if (absl::IsNotFound(text.status()) && !path.empty()) {
    return absl::NotFoundError(
        file + ": no such file: write one, or name it with --config");
  }
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    absl::Status read =
        ConfigReader(file, "\"man agent.yaml\"").Read(*text, &config);
    if (!read.ok()) return read;
  }
  if (config.spool_directory.empty()) {
    config.spool_directory = config.state_directory + "/spool";
  }
  return config;
}

absl::StatusOr<EnrolmentFile> LoadEnrolmentFile(const std::string& path) {
  auto text = platform::ReadWholeFile(path, kConfigLimit);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        path +
        ": no such file: put the one there that `schoolgate-collector "
        "enrol-token` wrote");
  }
  if (!text.ok()) return text.status();
  EnrolmentFile file;
  absl::Status read =
      ConfigReader(path, "\"man schoolgate-uplink\"").Read(*text, &file);
  if (!read.ok()) return read;
  file.authority_fingerprint = PlainHex(file.authority_fingerprint);
  absl::Status checked = Check(path, file);
  if (!checked.ok()) return checked;
  return file;
}

}  // namespace schoolgate::agent
