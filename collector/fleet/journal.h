// The collector's log: one line an occurrence on standard error,
//   level event key="value" ...
// Never a key, a token, a password, a log-in name or a host somebody
// contacted.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace schoolgate::collector {

enum class Level { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

using Field = std::pair<std::string_view, std::string>;

// Thread-safe. Under systemd the line starts with its priority, "<4>".
void Log(Level level, std::string_view event,
         std::initializer_list<Field> fields);

}  // namespace schoolgate::collector
