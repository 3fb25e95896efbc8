// Moving large files so that a power cut leaves the old one or the new one.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace schoolgate::rules {

// Copies a plain file without syncing the copy; `to` is replaced.
// RESOURCE_EXHAUSTED when the source is longer than `limit_bytes`,
// INVALID_ARGUMENT when it is no plain file, NOT_FOUND, PERMISSION_DENIED;
// each names the file.
absl::Status CopyFile(const std::string& from, const std::string& to,
                      uint64_t limit_bytes);

// Syncs the file, renames it within its folder and syncs the folder.
absl::Status RenameDurably(const std::string& from, const std::string& to);

// Makes `to` another name of `from`, in one folder; `to` is replaced at once.
absl::Status LinkDurably(const std::string& from, const std::string& to);

void RemoveFile(const std::string& path);

bool FileExists(const std::string& path);

}  // namespace schoolgate::rules
