#include "agent/uplink/config.h"

#include <yaml-cpp/yaml.h>

#include <optional>

#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kConfigLimit = 256 * 1024;

absl::StatusOr<YAML::Node> ParseMap(const std::string& path,
                                    const std::string& text) {
  // yaml-cpp reports by exception; it stops here.
  try {
    YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return YAML::Node(YAML::NodeType::Map);
    if (root.IsMap()) return root;
    return absl::InvalidArgumentError(path + ":1: expected a table of keys");
  } catch (const YAML::ParserException& error) {
    return absl::InvalidArgumentError(path + ":" +
                                      std::to_string(error.mark.line + 1) +
                                      ": " + error.msg + ": correct the line");
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(path + ": " + error.what());
  }
}

absl::Status ReadText(const std::string& path, const YAML::Node& root,
                      const char* key, std::string* value) {
  const YAML::Node node = root[key];
  if (!node || node.IsNull()) return absl::OkStatus();
  if (!node.IsScalar()) {
    return absl::InvalidArgumentError(path + ":" +
                                      std::to_string(node.Mark().line + 1) +
                                      ": " + key + ": expected a text");
  }
  *value = node.Scalar();
  return absl::OkStatus();
}

// The table `uplink`.
absl::Status ReadUplink(const std::string& path, const YAML::Node& table,
                        UplinkConfig* config) {
  if (!table || table.IsNull()) return absl::OkStatus();
  const auto wrong = [&](const YAML::Node& node, const char* what) {
    return absl::InvalidArgumentError(
        path + ":" + std::to_string(node.Mark().line + 1) + ": " + what);
  };
  if (!table.IsMap()) return wrong(table, "uplink: expected a table of keys");
  for (const auto& entry : table) {
    if (entry.first.as<std::string>("") != "megabytes_a_day") {
      return wrong(entry.first,
                   "uplink: unknown key: there is megabytes_a_day");
    }
    const auto number = entry.second.as<int64_t>(-1);
    if (number < 1 || number > 1'000'000) {
      return wrong(entry.second,
                   "megabytes_a_day: expected a number from 1 to 1000000");
    }
    config->megabytes_a_day = static_cast<uint64_t>(number);
  }
  return absl::OkStatus();
}

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
  auto text = platform::ReadWholeFile(path, kConfigLimit);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    auto root = ParseMap(path, *text);
    if (!root.ok()) return root.status();
    for (auto [key, value] :
         {std::pair("state_directory", &config.state_directory),
          std::pair("spool_directory", &config.spool_directory),
          std::pair("enrolment_file", &config.enrolment_file)}) {
      absl::Status status = ReadText(path, *root, key, value);
      if (!status.ok()) return status;
    }
    absl::Status status = ReadUplink(path, (*root)["uplink"], &config);
    if (!status.ok()) return status;
  }
  if (config.spool_directory.empty()) {
    config.spool_directory = config.state_directory + "/spool";
  }
  return config;
}

absl::StatusOr<EnrolmentFile> LoadEnrolmentFile(const std::string& path) {
  auto text = platform::ReadWholeFile(path, kConfigLimit);
  if (!text.ok()) return text.status();
  auto root = ParseMap(path, *text);
  if (!root.ok()) return root.status();
  EnrolmentFile file;
  for (auto [key, value] :
       {std::pair("collector", &file.collector),
        std::pair("authority_pem", &file.authority_pem),
        std::pair("authority_fingerprint", &file.authority_fingerprint),
        std::pair("token", &file.token),
        std::pair("inventory_number", &file.inventory_number)}) {
    absl::Status status = ReadText(path, *root, key, value);
    if (!status.ok()) return status;
  }
  file.authority_fingerprint = PlainHex(file.authority_fingerprint);
  absl::Status checked = Check(path, file);
  if (!checked.ok()) return checked;
  return file;
}

}  // namespace schoolgate::agent
