#include "agent/uplink/identity_folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "agent/uplink/certificate.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

using Json = nlohmann::json;

constexpr size_t kFileLimit = 1 << 20;
constexpr mode_t kSecret = 0600;
// The gate may run as another user of the same group.
constexpr mode_t kShared = 0640;

constexpr char kEnrolment[] = "enrolment.json";
constexpr char kAuthority[] = "authority.pem";
constexpr char kRulesRoot[] = "rules_root";
constexpr char kSigningKey[] = "signing.key";
constexpr char kTlsKey[] = "tls.key";
constexpr char kCertificate[] = "device.crt";
constexpr char kCandidate[] = "candidate.json";
constexpr size_t kNonceLimit = 1024;
constexpr char kNonce[] = "contact_nonce";
constexpr char kTimeFloor[] = "time_floor";
constexpr char kAssigned[] = "assigned";
constexpr size_t kMostAssignedBytes = 8 << 10;

absl::StatusOr<Json> ReadJson(const std::string& path) {
  auto text = platform::ReadWholeFile(path, kFileLimit);
  if (!text.ok()) return text.status();
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) {
    return absl::DataLossError(
        path +
        ": is no JSON object: restore it, or enrol anew with "
        "`schoolgate-uplink enrol --anew`");
  }
  return json;
}

std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

Json EnrolmentJson(const v1::EnrolResponse& response,
                   const std::string& collector) {
  return {{"device", response.device()},
          {"school", response.school()},
          {"group", response.group()},
          {"collector", collector},
          {"sealing_key", seal::ToHex(response.sealing_key())},
          {"pseudonym_key", seal::ToHex(response.pseudonym_key())},
          {"safeguarding_key", seal::ToHex(response.safeguarding_key())},
          {"police_key", seal::ToHex(response.police_key())}};
}

}  // namespace

absl::Status CheckEnrolment(const v1::EnrolResponse& response,
                            const std::string& key_pem) {
  const bool keys_fit =
      response.sealing_key().size() == seal::kPublicKeyBytes &&
      response.pseudonym_key().size() == 32 &&
      response.safeguarding_key().size() == seal::kPublicKeyBytes &&
      response.police_key().size() == seal::kPublicKeyBytes;
  if (!keys_fit || response.device().empty() ||
      !TimesOf(response.authority_pem()).ok() ||
      !BelongTogether(response.certificate_pem(), key_pem)) {
    return absl::DataLossError(
        "enrolment: the collector's answer is not whole: update the collector "
        "or the agent, so that both are of one version");
  }
  return absl::OkStatus();
}

absl::StatusOr<IdentityFolder> IdentityFolder::Open(const std::string& path) {
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return absl::PermissionDeniedError(
        path + ": cannot be made: " + std::strerror(errno) +
        ": run as the agent's user or as root");
  }
  return IdentityFolder(path);
}

absl::StatusOr<seal::SigningKey> IdentityFolder::SigningKey() const {
  return seal::LoadOrCreateSigningKey(File(kSigningKey));
}

absl::StatusOr<Enrolled> IdentityFolder::LoadEnrolled() const {
  auto json = ReadJson(File(kEnrolment));
  if (!json.ok()) return json.status();
  auto authority = platform::ReadWholeFile(File(kAuthority), kFileLimit);
  Enrolled enrolled{Text(*json, "device"), Text(*json, "school"),
                    Text(*json, "collector"), authority.ok() ? *authority : ""};
  if (enrolled.device.empty() || enrolled.collector.empty() ||
      enrolled.authority_pem.empty()) {
    return absl::DataLossError(path_ +
                               ": the enrolment is not whole: enrol anew with "
                               "`schoolgate-uplink enrol --anew`");
  }
  // Enrolment makes it; another in its place would sign what nobody believes.
  std::error_code hidden;
  if (!std::filesystem::exists(File(kSigningKey), hidden) && !hidden) {
    return absl::DataLossError(File(kSigningKey) +
                               ": missing: restore it, or enrol anew with "
                               "`schoolgate-uplink enrol --anew`");
  }
  return enrolled;
}

absl::Status IdentityFolder::SaveEnrolment(const v1::EnrolResponse& response,
                                           const std::string& key_pem,
                                           const std::string& collector) const {
  const Json json = EnrolmentJson(response, collector);
  DropCandidate();
  absl::Status status = platform::ReplaceFile(
      File(kAuthority), response.authority_pem(), kShared);
  if (status.ok() && !response.rules_root().empty()) {
    status =
        platform::ReplaceFile(File(kRulesRoot), response.rules_root(), kShared);
  }
  if (status.ok()) {
    status = platform::ReplaceFile(File(kTlsKey), key_pem, kSecret);
  }
  if (status.ok()) {
    status = platform::ReplaceFile(File(kCertificate),
                                   response.certificate_pem(), kShared);
  }
  if (status.ok()) {
    status =
        platform::ReplaceFile(File(kEnrolment), json.dump(2) + "\n", kShared);
  }
  return status;
}

absl::StatusOr<TlsIdentity> IdentityFolder::LoadTls() const {
  auto certificate = platform::ReadWholeFile(File(kCertificate), kFileLimit);
  if (!certificate.ok()) return certificate.status();
  auto key = platform::ReadWholeFile(File(kTlsKey), kFileLimit);
  if (!key.ok()) return key.status();
  if (!BelongTogether(*certificate, *key)) {
    return absl::DataLossError(path_ +
                               ": tls.key and device.crt are not a pair");
  }
  return TlsIdentity{*std::move(certificate), *std::move(key)};
}

absl::Status IdentityFolder::SaveCandidate(const v1::EnrolResponse& response,
                                           const std::string& key_pem) const {
  auto enrolled = LoadEnrolled();
  if (!enrolled.ok()) return enrolled.status();
  const Json json = {
      {"certificate_pem", response.certificate_pem()},
      {"key_pem", key_pem},
      {"authority_pem", response.authority_pem()},
      {"rules_root", seal::ToHex(response.rules_root())},
      {"enrolment", EnrolmentJson(response, enrolled->collector)}};
  return platform::ReplaceFile(File(kCandidate), json.dump(), kSecret);
}

std::optional<TlsIdentity> IdentityFolder::LoadCandidate() const {
  auto json = ReadJson(File(kCandidate));
  if (!json.ok()) return std::nullopt;
  TlsIdentity identity{Text(*json, "certificate_pem"), Text(*json, "key_pem"),
                       Text(*json, "authority_pem")};
  if (!BelongTogether(identity.certificate_pem, identity.key_pem)) {
    return std::nullopt;
  }
  return identity;
}

absl::Status IdentityFolder::PromoteCandidate() const {
  auto json = ReadJson(File(kCandidate));
  if (!json.ok()) return json.status();
  absl::Status status = platform::ReplaceFile(
      File(kAuthority), Text(*json, "authority_pem"), kShared);
  if (status.ok()) {
    status =
        platform::ReplaceFile(File(kTlsKey), Text(*json, "key_pem"), kSecret);
  }
  if (status.ok()) {
    status = platform::ReplaceFile(File(kCertificate),
                                   Text(*json, "certificate_pem"), kShared);
  }
  auto root = seal::FromHex(Text(*json, "rules_root"));
  if (status.ok() && root.ok() && !root->empty()) {
    status = platform::ReplaceFile(File(kRulesRoot), *root, kShared);
  }
  if (status.ok() && json->contains("enrolment")) {
    status = platform::ReplaceFile(
        File(kEnrolment), (*json)["enrolment"].dump(2) + "\n", kShared);
  }
  // Removed last: a crash before this repeats the whole.
  if (status.ok()) DropCandidate();
  return status;
}

void IdentityFolder::DropCandidate() const {
  (void)unlink(File(kCandidate).c_str());
}

std::string IdentityFolder::contact_nonce() const {
  auto nonce = platform::ReadWholeFile(File(kNonce), kFileLimit);
  return nonce.ok() ? *nonce : "";
}

absl::Status IdentityFolder::SaveContactNonce(const std::string& nonce) const {
  if (nonce.empty() || nonce.size() > kNonceLimit) return absl::OkStatus();
  return platform::ReplaceFile(File(kNonce), nonce, kSecret);
}

absl::Status IdentityFolder::SaveAssigned(
    const google::protobuf::RepeatedPtrField<std::string>& aliases) const {
  std::string text;
  for (const std::string& alias : aliases) {
    if (text.size() + alias.size() > kMostAssignedBytes) break;
    text += alias + "\n";
  }
  const auto before = platform::ReadWholeFile(File(kAssigned), kFileLimit);
  if ((before.ok() ? *before : "") == text) return absl::OkStatus();
  return platform::ReplaceFile(File(kAssigned), text, kShared);
}

absl::Time IdentityFolder::time_floor() const {
  auto text = platform::ReadWholeFile(File(kTimeFloor), 64);
  int64_t seconds = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &seconds)) {
    return absl::InfinitePast();
  }
  return absl::FromUnixSeconds(seconds);
}

absl::Status IdentityFolder::SaveTimeFloor(absl::Time time) const {
  return platform::ReplaceFile(File(kTimeFloor),
                               std::to_string(absl::ToUnixSeconds(time)) + "\n",
                               kShared);
}

}  // namespace schoolgate::agent
