// Small files read and replaced as a whole: keys, certificates, states.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::platform {

// The file's bytes. NOT_FOUND, PERMISSION_DENIED, or OUT_OF_RANGE when it is
// longer than `limit_bytes`; each names the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          size_t limit_bytes);

// Replaces the file at once and durably: after a power cut it holds the old
// bytes or the new ones. The mode is set before the first byte is written.
absl::Status ReplaceFile(const std::string& path, std::string_view bytes,
                         mode_t mode);

// As ReplaceFile, but ALREADY_EXISTS when the file is there: of two processes
// that race, exactly one wins.
absl::Status CreateFile(const std::string& path, std::string_view bytes,
                        mode_t mode);

}  // namespace schoolgate::platform
