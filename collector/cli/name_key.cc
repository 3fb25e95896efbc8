#include "collector/cli/name_key.h"

#include <cstdio>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/fleet/name_shares.h"
#include "collector/fleet/secret_file.h"
#include "collector/web/password.h"

namespace schoolgate::collector {
namespace {

absl::StatusOr<std::string> ReadHexFile(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  auto bytes = seal::FromHex(std::string(absl::StripAsciiWhitespace(*text)));
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": holds no key"));
  }
  return bytes;
}

// Removed, not shredded: what a disk keeps of removed files is beyond a
// program's reach, and the documentation says so.
absl::Status Remove(const std::string& file) {
  std::error_code error;
  if (std::filesystem::remove(file, error)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      file, ": could not be removed: remove it yourself, the shares are made"));
}

}  // namespace

std::vector<std::string> DefaultShareHolders() {
  return {"head", "lead", "deputy", "senior"};
}

absl::StatusOr<std::vector<NewShare>> WriteShares(
    const DataDirectory& directory, const std::string& school,
    const seal::BoxKey& key, const std::vector<std::string>& names) {
  std::vector<ShareHolder> holders;
  holders.reserve(names.size());
  for (const std::string& name : names) {
    holders.push_back({name, MakeOneTimePassword()});
  }
  const auto files = SplitNameKey(key, school, holders);
  if (!files.ok()) return files.status();
  absl::Status status = MakePrivateDirectory(directory.TakeAway());
  std::vector<NewShare> shares;
  for (size_t i = 0; i < files->size() && status.ok(); ++i) {
    const std::string& holder = holders[i].name;
    const std::string file = absl::StrCat(directory.TakeAway(), "/", school,
                                          "-name-share-", holder, ".json");
    status = WriteSecretFile(file, (*files)[i].text);
    shares.push_back({holder, file, holders[i].passphrase});
  }
  if (!status.ok()) return status;
  return shares;
}

absl::StatusOr<std::vector<NewShare>> SplitKeyFile(
    const DataDirectory& directory, const std::string& school,
    std::string key_file, const std::vector<std::string>& holders) {
  if (key_file.empty()) {
    key_file =
        absl::StrCat(directory.TakeAway(), "/", school, "-safeguarding.key");
  }
  const absl::StatusOr<std::string> secret = ReadHexFile(key_file);
  if (!secret.ok()) return secret.status();
  const absl::StatusOr<std::string> known =
      ReadHexFile(directory.SchoolFile(school, "safeguarding.pub"));
  if (!known.ok()) return known.status();
  const absl::StatusOr<seal::BoxKey> key = seal::BoxKey::FromSecret(*secret);
  if (!key.ok() || key->public_key() != *known) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_file, ": not the key that the devices of ", school,
                     " seal names to: nothing was changed"));
  }
  auto shares = WriteShares(directory, school, *key, holders);
  if (!shares.ok()) return shares.status();
  if (absl::Status gone = Remove(key_file); !gone.ok()) return gone;
  return shares;
}

void PrintShares(const std::vector<NewShare>& shares) {
  if (shares.empty()) return;
  std::printf(
      "Shares of the key that opens names. Any two people together open a "
      "name, nobody\nalone. Hand each holder their file and, apart from it, "
      "their passphrase, which is\nshown only now:\n");
  for (const NewShare& share : shares) {
    std::printf("  %-10s %s  %s\n", share.holder.c_str(),
                share.passphrase.c_str(), share.file.c_str());
  }
}

}  // namespace schoolgate::collector
