#include "collector/cli/backup.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/preflight.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

// Neither the keys that are to be taken away, nor what belongs to a running
// process.
bool IsLeftOut(const fs::path& relative) {
  const std::string name = relative.filename().string();
  return relative.begin()->string() == "take-away" || name == "lock" ||
         absl::EndsWith(name, ".new") || absl::EndsWith(name, ".draft") ||
         absl::EndsWith(name, "-wal") || absl::EndsWith(name, "-shm") ||
         absl::EndsWith(name, "-journal");
}

bool IsDatabase(const fs::path& path) { return path.extension() == ".sqlite"; }

absl::Status CopyOne(const fs::path& from, const fs::path& to) {
  if (IsDatabase(from)) {
    absl::StatusOr<std::unique_ptr<Database>> database =
        Database::Open(from.string());
    return database.ok() ? (*database)->BackUpTo(to.string())
                         : database.status();
  }
  std::error_code error;
  fs::copy_file(from, to, error);
  if (!error) fs::permissions(to, fs::perms(0600), error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(to.string(), ": ", error.message(), ": check the disk"));
}

absl::StatusOr<BackupCount> CopyAll(const std::string& from,
                                    const std::string& to) {
  absl::Status status = MakePrivateDirectory(to);
  if (!status.ok()) return status;
  BackupCount count;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(from, error), end;
       !error && entry != end; entry.increment(error)) {
    const fs::path relative = fs::relative(entry->path(), from);
    if (IsLeftOut(relative)) continue;
    const fs::path target = fs::path(to) / relative;
    std::error_code gone;
    if (entry->is_directory(gone)) {
      status = MakePrivateDirectory(target.string());
    } else {
      status = CopyOne(entry->path(), target);
      // A day that expired while we copied is no loss.
      if (!status.ok() && !fs::exists(entry->path())) continue;
      ++count.files;
      count.bytes += fs::file_size(target, gone);
    }
    if (!status.ok()) return status;
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat(from, ": ", error.message(), ": check the disk"));
  }
  return count;
}

bool IsEmptyOrMissing(const std::string& path) {
  std::error_code error;
  return !fs::exists(path, error) || fs::is_empty(path, error);
}

}  // namespace

absl::StatusOr<BackupCount> BackUp(const DataDirectory& from,
                                   const std::string& target, absl::Time now) {
  const absl::Status config = LoadConfig(from).status();
  if (!config.ok()) return config;
  if (!IsEmptyOrMissing(target)) {
    return absl::AlreadyExistsError(
        absl::StrCat(target, ": not empty: name a new directory"));
  }
  absl::StatusOr<BackupCount> count = CopyAll(from.path, target);
  if (!count.ok()) return count;
  const absl::Status noted = WriteSecretFile(
      from.LastBackup(), absl::StrCat(absl::ToUnixSeconds(now), "\n"));
  if (!noted.ok()) return noted;
  return count;
}

absl::StatusOr<BackupCount> Restore(const std::string& backup,
                                    const DataDirectory& to) {
  const absl::Status config = LoadConfig(DataDirectory{backup}).status();
  if (!config.ok()) {
    return absl::NotFoundError(
        absl::StrCat(backup, ": no backup of a collector: ", config.message()));
  }
  if (!IsEmptyOrMissing(to.path)) {
    return absl::AlreadyExistsError(
        absl::StrCat(to.path,
                     ": not empty: stop the collector and move the directory "
                     "away first"));
  }
  std::error_code error;
  for (fs::recursive_directory_iterator entry(backup, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!IsDatabase(entry->path())) continue;
    const absl::Status status = CheckDatabase(entry->path().string());
    if (!status.ok()) return status;
  }
  return CopyAll(backup, to.path);
}

}  // namespace schoolgate::collector
