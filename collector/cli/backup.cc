#include "collector/cli/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/preflight.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "collector.yaml";

// Neither the keys that are to be taken away, nor what belongs to a running
// process.
bool IsLeftOut(const fs::path& relative) {
  const std::string name = relative.filename().string();
  // collector.yaml goes last: without it nothing is a collector or a backup.
  return relative == kConfig || relative.begin()->string() == "take-away" ||
         name == "lock" || absl::EndsWith(name, ".new") ||
         absl::EndsWith(name, ".draft") || absl::EndsWith(name, "-wal") ||
         absl::EndsWith(name, "-shm") || absl::EndsWith(name, "-journal");
}

bool IsDatabase(const fs::path& path) { return path.extension() == ".sqlite"; }

absl::Status CopyOne(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (IsDatabase(from)) {
    absl::StatusOr<std::unique_ptr<Database>> database =
        Database::Open(from.string());
    if (!database.ok()) return database.status();
    const absl::Status status = (*database)->BackUpTo(to.string());
    if (!status.ok()) return status;
  } else {
    fs::copy_file(from, to, error);
  }
  if (!error) fs::permissions(to, fs::perms(0600), error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(to.string(), ": ", error.message(), ": check the disk"));
}

absl::Status SyncAll(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && syncfs(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (synced) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(directory, ": ", strerror(error), ": check the disk"));
}

bool LiesIn(const std::string& path, const std::string& folder) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(path, error);
  const fs::path outer = fs::weakly_canonical(folder, error);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end())
             .first == outer.end();
}

// Where it ends early, `to` is no collector and no backup.
absl::StatusOr<BackupCount> CopyAll(const std::string& from,
                                    const std::string& to) {
  if (LiesIn(to, from)) {
    return absl::InvalidArgumentError(
        absl::StrCat(to, ": lies in ", from,
                     ", which is copied: name a place elsewhere, best on "
                     "another machine"));
  }
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
  status = SyncAll(to);
  if (status.ok()) {
    status = CopyOne(fs::path(from) / kConfig, fs::path(to) / kConfig);
  }
  if (status.ok()) status = SyncAll(to);
  if (!status.ok()) return status;
  ++count.files;
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
  const DataDirectory source{backup};
  std::error_code error;
  if (!fs::exists(source.Config(), error)) {
    return absl::NotFoundError(
        absl::StrCat(backup,
                     ": no backup of a collector, or one that did not end: "
                     "take another"));
  }
  const auto config = LoadConfig(source);
  if (!config.ok()) return config.status();
  if (config->database.empty() && !fs::exists(source.Main(), error)) {
    return absl::DataLossError(absl::StrCat(
        source.Main(), ": is missing from the backup: take another"));
  }
  if (!IsEmptyOrMissing(to.path)) {
    return absl::AlreadyExistsError(
        absl::StrCat(to.path,
                     ": not empty: stop the collector and move the directory "
                     "away first"));
  }
  for (fs::recursive_directory_iterator entry(backup, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!IsDatabase(entry->path())) continue;
    const absl::Status status = CheckDatabase(entry->path().string());
    if (!status.ok()) return status;
  }
  return CopyAll(backup, to.path);
}

}  // namespace schoolgate::collector
