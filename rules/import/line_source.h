// The lines of a text file that may be compressed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace schoolgate::rules {

inline constexpr uint64_t kListBytesLimit = uint64_t{2} << 30;  // unpacked
inline constexpr size_t kLineLimit = 4096;

// Calls `visit` for each line, without its end ("\n" or "\r\n"). A line longer
// than kLineLimit comes cut to that length, `cut` being true. gzip and zstd
// are recognised by their first bytes. NOT_FOUND, PERMISSION_DENIED,
// DATA_LOSS (broken compression) or RESOURCE_EXHAUSTED (unpacks to too much),
// naming the file.
absl::Status ReadLines(
    const std::string& path,
    const std::function<void(std::string_view line, bool cut)>& visit);

}  // namespace schoolgate::rules
