// Small files that hold keys, certificates and configuration.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

inline constexpr size_t kMaxSmallFileBytes = 1 << 20;

// For root only: gives the file to whom its folder belongs, so that the
// service can use what an administrator made.
void BelongToFolder(const std::string& path);

// Whole or not at all, synced, readable by the owner only. Replaces. Made by
// root it belongs to whom its folder belongs.
absl::Status WriteSecretFile(const std::string& path, std::string_view bytes);

// NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (larger than
// kMaxSmallFileBytes).
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// Makes a directory and those above it; the last one mode 0700.
absl::Status MakePrivateDirectory(const std::string& path);

}  // namespace schoolgate::collector
