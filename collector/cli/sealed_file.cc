#include "collector/cli/sealed_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/fleet/secret_file.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr std::string_view kMark = "schoolgate-sealed-1\n";
constexpr uintmax_t kMostBytes = 256 << 20;

absl::StatusOr<std::string> ReadKey(const std::string& file,
                                    const char* ending) {
  const absl::StatusOr<std::string> text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  auto key = seal::FromHex(std::string(absl::StripAsciiWhitespace(*text)));
  if (key.ok() && key->size() == seal::kPublicKeyBytes) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": holds no key: give the file that ends in ", ending,
                   ", as seal-key wrote it"));
}

}  // namespace

absl::Status MakeReaderKey(const std::string& prefix) {
  for (const char* ending : {".key", ".pub"}) {
    std::error_code error;
    if (std::filesystem::exists(prefix + ending, error)) {
      return absl::AlreadyExistsError(absl::StrCat(
          prefix, ending, ": is there already: give another name"));
    }
  }
  const seal::BoxKey key = seal::BoxKey::Generate();
  const absl::Status status =
      WriteSecretFile(prefix + ".key", seal::ToHex(key.secret()) + "\n");
  if (!status.ok()) return status;
  return WriteSecretFile(prefix + ".pub", seal::ToHex(key.public_key()) + "\n");
}

absl::StatusOr<std::string> SealForReader(const std::string& key_file,
                                          std::string_view bytes) {
  const absl::StatusOr<std::string> key = ReadKey(key_file, ".pub");
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> box = seal::SealTo(*key, bytes);
  if (!box.ok()) return box.status();
  return absl::StrCat(absl::string_view(kMark.data(), kMark.size()), *box);
}

absl::StatusOr<std::string> OpenSealed(const std::string& file,
                                       const std::string& key_file) {
  const absl::StatusOr<std::string> secret = ReadKey(key_file, ".key");
  if (!secret.ok()) return secret.status();
  const absl::StatusOr<seal::BoxKey> key = seal::BoxKey::FromSecret(*secret);
  if (!key.ok()) return key.status();
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(file, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat(file, ": cannot be read"));
  }
  std::string bytes;
  if (size <= kMostBytes) {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (!std::string_view(bytes).starts_with(kMark)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": no file that report --seal-to wrote"));
  }
  absl::StatusOr<std::string> opened =
      seal::OpenBox(*key, std::string_view(bytes).substr(kMark.size()));
  if (opened.ok()) return opened;
  return absl::PermissionDeniedError(absl::StrCat(
      file, ": is sealed to another key than ", key_file, ", or was changed"));
}

}  // namespace schoolgate::collector
