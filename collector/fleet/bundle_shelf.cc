#include "collector/fleet/bundle_shelf.h"

#include <sodium.h>

#include <algorithm>
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

std::string LabelText(const ShelvedBundle& bundle) {
  return absl::StrCat(bundle.version, " ", seal::ToHex(bundle.hash), " ",
                      bundle.size_bytes, "\n");
}

}  // namespace

std::string BundleShelf::FileOf(const std::string& school,
                                const char* ending) const {
  return absl::StrCat(directory_, "/", school.empty() ? kForAll : school,
                      ending);
}

std::string BundleShelf::PathOf(const std::string& hash) const {
  return absl::StrCat(directory_, "/", seal::ToHex(hash), ".bundle");
}

absl::StatusOr<ShelvedBundle> BundleShelf::Lay(
    const std::string& file, uint64_t version,
    const std::string& school) const {
  if (!school.empty() && !IsSchoolName(school)) {
    return absl::InvalidArgumentError(absl::StrCat(school, ": not a school"));
  }
  absl::Status status = MakePrivateDirectory(directory_);
  if (!status.ok()) return status;
  ShelvedBundle bundle;
  bundle.version = version;
  const std::string draft = FileOf(school, ".draft");
  status = Copy(file, draft, &bundle.hash, &bundle.size_bytes);
  std::error_code ignored;
  std::optional<ShelvedBundle> newest = Label(school);
  const std::optional<Rollout> rollout = RolloutOf(school);
  if (rollout && (!newest || rollout->bundle.version > newest->version)) {
    newest = rollout->bundle;
  }
  if (status.ok() && newest && version <= newest->version) {
    fs::remove(draft, ignored);
    if (bundle.hash == newest->hash) return *newest;
    return absl::FailedPreconditionError(absl::StrCat(
        file, ": version ", version, " is not above ", newest->version,
        ", which devices have: build it with a higher version"));
  }
  std::error_code error;
  BelongToFolder(draft);
  if (status.ok()) fs::rename(draft, PathOf(bundle.hash), error);
  if (!status.ok() || error) {
    fs::remove(draft, ignored);
    return !status.ok() ? status : absl::UnavailableError(error.message());
  }
  return bundle;
}

absl::StatusOr<ShelvedBundle> BundleShelf::Place(
    const std::string& file, uint64_t version,
    const std::string& school) const {
  const auto laid = Lay(file, version, school);
  if (!laid.ok()) return laid.status();
  const absl::Status status = MakeCurrent(*laid, school);
  if (!status.ok()) return status;
  return *laid;
}

absl::Status BundleShelf::MakeCurrent(const ShelvedBundle& bundle,
                                      const std::string& school) const {
  absl::Status status =
      WriteSecretFile(FileOf(school, ".current"), LabelText(bundle));
  return status.ok() ? NoteChange() : status;
}

absl::Status BundleShelf::SaveRollout(const Rollout& rollout,
                                      const std::string& school) const {
  absl::Status status =
      WriteSecretFile(FileOf(school, ".rollout"), RolloutText(rollout));
  return status.ok() ? NoteChange() : status;
}

std::optional<Rollout> BundleShelf::RolloutOf(const std::string& school) const {
  if (!school.empty() && !IsSchoolName(school)) return std::nullopt;
  const auto text = ReadSmallFile(FileOf(school, ".rollout"));
  return text.ok() ? ReadRollout(*text) : std::nullopt;
}

absl::StatusOr<ShelvedDelta> BundleShelf::PlaceDelta(
    const std::string& file, const std::string& from, const std::string& to,
    const std::string& school) const {
  ShelvedDelta delta{from, to, "", 0};
  const std::string draft = FileOf(school, ".delta-draft");
  absl::Status status = Copy(file, draft, &delta.hash, &delta.size_bytes);
  if (!status.ok()) return status;
  const auto path = [this](const ShelvedDelta& one) {
    return absl::StrCat(directory_, "/", seal::ToHex(one.hash), ".delta");
  };
  BelongToFolder(draft);
  std::error_code error;
  fs::rename(draft, path(delta), error);
  if (error) return absl::UnavailableError(error.message());
  std::vector<ShelvedDelta> all = Deltas(school);
  all.push_back(delta);
  while (all.size() > kMostDeltas) {
    fs::remove(path(all.front()), error);
    all.erase(all.begin());
  }
  std::string lines;
  for (const ShelvedDelta& one : all) {
    absl::StrAppend(&lines, seal::ToHex(one.from), " ", seal::ToHex(one.to),
                    " ", seal::ToHex(one.hash), " ", one.size_bytes, "\n");
  }
  status = WriteSecretFile(FileOf(school, ".deltas"), lines);
  if (status.ok()) status = NoteChange();
  if (!status.ok()) return status;
  return delta;
}

std::vector<ShelvedDelta> BundleShelf::Deltas(const std::string& school) const {
  std::vector<ShelvedDelta> deltas;
  const auto text = ReadSmallFile(FileOf(school, ".deltas"));
  if (!text.ok()) return deltas;
  for (const auto line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    ShelvedDelta delta;
    if (words.size() != 4 || !absl::SimpleAtoi(words[3], &delta.size_bytes)) {
      continue;
    }
    std::string* const hashes[] = {&delta.from, &delta.to, &delta.hash};
    bool good = true;
    for (size_t i = 0; i < 3; ++i) {
      const auto hash = seal::FromHex(words[i]);
      good = good && hash.ok() && hash->size() == kHashBytes;
      if (hash.ok()) *hashes[i] = *hash;
    }
    if (good) deltas.push_back(std::move(delta));
  }
  return deltas;
}

std::optional<ShelvedBundle> BundleShelf::Current(
    const std::string& school) const {
  std::optional<ShelvedBundle> own;
  if (IsSchoolName(school)) own = Label(school);
  return own ? own : Label("");
}

std::vector<std::string> BundleShelf::Schools() const {
  std::vector<std::string> schools;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != ".current" &&
        entry.path().extension() != ".rollout") {
      continue;
    }
    std::string name = entry.path().stem().string();
    if (name == kForAll) name.clear();
    if (std::find(schools.begin(), schools.end(), name) == schools.end()) {
      schools.push_back(std::move(name));
    }
  }
  return schools;
}

std::string BundleShelf::ChangeMark() const {
  const auto text = ReadSmallFile(absl::StrCat(directory_, "/changed"));
  return text.ok() ? *text : "never";
}

absl::Status BundleShelf::NoteChange() const {
  absl::Status status = MakePrivateDirectory(directory_);
  if (!status.ok()) return status;
  return WriteSecretFile(absl::StrCat(directory_, "/changed"),
                         seal::ToHex(seal::RandomBytes(16)));
}

std::string BundleShelf::PolicyMark(const std::string& school) const {
  const auto text = ReadSmallFile(FileOf(school, ".policy"));
  const auto hash = text.ok() ? seal::FromHex(*text) : text;
  return hash.ok() ? *hash : "";
}

absl::Status BundleShelf::SavePolicyMark(const std::string& school,
                                         const std::string& hash) const {
  return WriteSecretFile(FileOf(school, ".policy"), seal::ToHex(hash));
}

std::optional<ShelvedBundle> BundleShelf::Label(
    const std::string& school) const {
  const absl::StatusOr<std::string> line =
      ReadSmallFile(FileOf(school, ".current"));
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
  return bundle;
}

absl::StatusOr<std::string> BundleShelf::Read(const std::string& hash,
                                              uint64_t offset,
                                              size_t limit) const {
  std::string path = PathOf(hash);
  std::error_code error;
  if (!fs::exists(path, error)) {
    path = absl::StrCat(directory_, "/", seal::ToHex(hash), ".delta");
  }
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
