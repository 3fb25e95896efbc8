#include "collector/fleet/bundle_shelf.h"

#include <sodium.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/fleet/secret_file.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr char kForAll[] = "all";
constexpr size_t kHashBytes = 32;
constexpr size_t kCopyBlockBytes = 1 << 20;

bool IsSchoolName(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos &&
         name.front() != '.';
}

absl::Status Copy(const std::string& from, const std::string& to,
                  std::string* hash, uint64_t* size) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  if (!in) return absl::NotFoundError(absl::StrCat(from, ": cannot be read"));
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, kHashBytes);
  std::string block(kCopyBlockBytes, '\0');
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) ||
         in.gcount() > 0) {
    const size_t got = static_cast<size_t>(in.gcount());
    crypto_generichash_update(
        &state, reinterpret_cast<const unsigned char*>(block.data()), got);
    out.write(block.data(), static_cast<std::streamsize>(got));
    *size += got;
  }
  out.close();
  if (!out) {
    return absl::ResourceExhaustedError(
        absl::StrCat(to, ": cannot be written: free space on this disk"));
  }
  hash->assign(kHashBytes, '\0');
  crypto_generichash_final(
      &state, reinterpret_cast<unsigned char*>(hash->data()), kHashBytes);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ShelvedBundle> BundleShelf::Place(const std::string& file,
                                                 uint64_t version,
                                                 const std::string& school) {
  const std::string name = school.empty() ? kForAll : school;
  if (!IsSchoolName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a school"));
  }
  absl::Status status = MakePrivateDirectory(directory_);
  if (!status.ok()) return status;
  ShelvedBundle bundle;
  bundle.version = version;
  const std::string draft = absl::StrCat(directory_, "/", name, ".draft");
  status = Copy(file, draft, &bundle.hash, &bundle.size_bytes);
  std::error_code ignored;
  const std::optional<ShelvedBundle> current = Label(name);
  if (status.ok() && current && version <= current->version) {
    fs::remove(draft, ignored);
    if (bundle.hash == current->hash) return *current;
    return absl::FailedPreconditionError(absl::StrCat(
        file, ": version ", version, " is not above ", current->version,
        ", which devices have: build it with a higher version"));
  }
  const std::string hex = seal::ToHex(bundle.hash);
  bundle.path = absl::StrCat(directory_, "/", hex, ".bundle");
  std::error_code error;
  BelongToFolder(draft);
  if (status.ok()) fs::rename(draft, bundle.path, error);
  if (!status.ok() || error) {
    fs::remove(draft, ignored);
    return !status.ok() ? status : absl::UnavailableError(error.message());
  }
  status = WriteSecretFile(
      absl::StrCat(directory_, "/", name, ".current"),
      absl::StrCat(version, " ", hex, " ", bundle.size_bytes, "\n"));
  if (!status.ok()) return status;
  return bundle;
}

std::optional<ShelvedBundle> BundleShelf::Current(
    const std::string& school) const {
  std::optional<ShelvedBundle> own;
  if (IsSchoolName(school)) own = Label(school);
  return own ? own : Label(kForAll);
}

std::optional<ShelvedBundle> BundleShelf::Label(const std::string& name) const {
  const absl::StatusOr<std::string> line =
      ReadSmallFile(absl::StrCat(directory_, "/", name, ".current"));
  if (!line.ok()) return std::nullopt;
  const std::vector<std::string> words =
      absl::StrSplit(*line, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  ShelvedBundle bundle;
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &bundle.version) ||
      !absl::SimpleAtoi(words[2], &bundle.size_bytes)) {
    return std::nullopt;
  }
  const absl::StatusOr<std::string> hash = seal::FromHex(words[1]);
  if (!hash.ok() || hash->size() != kHashBytes) return std::nullopt;
  bundle.hash = *hash;
  bundle.path = absl::StrCat(directory_, "/", words[1], ".bundle");
  return bundle;
}

absl::StatusOr<std::string> BundleShelf::Read(const std::string& hash,
                                              uint64_t offset,
                                              size_t limit) const {
  const std::string path =
      absl::StrCat(directory_, "/", seal::ToHex(hash), ".bundle");
  std::ifstream in(path, std::ios::binary);
  if (hash.size() != kHashBytes || !in) {
    return absl::NotFoundError("bundle: no longer offered: ask again");
  }
  in.seekg(0, std::ios::end);
  const uint64_t size = static_cast<uint64_t>(in.tellg());
  if (offset >= size) return std::string();
  std::string bytes(std::min<uint64_t>(limit, size - offset), '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  }
  return bytes;
}

}  // namespace schoolgate::collector
