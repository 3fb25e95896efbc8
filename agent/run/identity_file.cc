#include "agent/run/identity_file.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kMaxBytes = 64 << 10;
constexpr size_t kMostAssigned = 100;

absl::Status Broken(const std::string& path, std::string_view why) {
  return absl::DataLossError(absl::StrCat(
      path,
      ": not a whole enrolment: ", absl::string_view(why.data(), why.size()),
      ": enrol this device again with a new token"));
}

}  // namespace

absl::StatusOr<Identity> LoadIdentity(const std::string& state_directory) {
  const std::string path = state_directory + "/identity/enrolment.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::NotFoundError(absl::StrCat(path, ": not enrolled yet"));
  }
  std::string bytes(kMaxBytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(in.gcount());
  const auto json = nlohmann::json::parse(bytes, nullptr, false);
  if (!json.is_object()) return Broken(path, "no JSON object");
  Identity identity;
  const auto text = [&](const char* key, std::string* to) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) return false;
    *to = found->get<std::string>();
    return true;
  };
  const auto key = [&](const char* name, std::string* to) {
    std::string hex;
    if (!text(name, &hex)) return false;
    const auto raw = seal::FromHex(hex);
    if (!raw.ok() || raw->size() != seal::kPublicKeyBytes) return false;
    *to = *raw;
    return true;
  };
  if (!text("device", &identity.device)) return Broken(path, "no device");
  if (!text("school", &identity.school)) return Broken(path, "no school");
  if (!text("group", &identity.group)) return Broken(path, "no group");
  for (auto [name, to] :
       {std::pair{"pseudonym_key", &identity.pseudonym_key},
        std::pair{"sealing_key", &identity.sealing_key},
        std::pair{"safeguarding_key", &identity.safeguarding_key},
        std::pair{"police_key", &identity.police_key}}) {
    if (!key(name, to)) return Broken(path, name);
  }
  return identity;
}

absl::Time LoadTimeFloor(const std::string& state_directory) {
  std::ifstream in(state_directory + "/identity/time_floor");
  int64_t seconds = 0;
  return in >> seconds ? absl::FromUnixSeconds(seconds) : absl::InfinitePast();
}

std::set<std::string> LoadAssigned(const std::string& state_directory) {
  std::set<std::string> aliases;
  std::ifstream in(state_directory + "/identity/assigned");
  for (std::string line;
       aliases.size() < kMostAssigned && std::getline(in, line);) {
    if (!line.empty()) aliases.insert(line);
  }
  return aliases;
}

}  // namespace schoolgate::agent
