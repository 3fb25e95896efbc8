// The collector's log: what happened, one occurrence at a time, with named
// fields. Never a key, a token, a password, a log-in name or a host somebody
// contacted.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace schoolgate::collector {

// syslog's numbers.
enum class Level {
  kError = 3,
  kWarning = 4,
  kNotice = 5,
  kInfo = 6,
  kDebug = 7
};

enum class LogFormat {
  // To the journal where standard error leads there, else kText.
  kAuto,
  // level event key="value" ...; under systemd after its priority, "<4>".
  kText,
  // One JSON object a line: time, level, priority, event, and the fields.
  kJson,
  // journald's own fields: MESSAGE, PRIORITY, SCHOOLGATE_EVENT,
  // SCHOOLGATE_<KEY> for each field. What it does not take goes to kText.
  kJournal,
};

struct LogSettings {
  Level least = Level::kInfo;  // the least important that is written
  LogFormat format = LogFormat::kAuto;
  std::string journal_socket = "/run/systemd/journal/socket";
};

using Field = std::pair<std::string_view, std::string>;

// All of it is thread-safe. From the call on, for the whole program.
void SetLog(const LogSettings& settings);
bool LogWants(Level level);
void Log(Level level, std::string_view event,
         std::initializer_list<Field> fields);

// "error" ... "debug"; nullopt when it is none of them.
std::optional<Level> LevelNamed(std::string_view name);
std::optional<LogFormat> LogFormatNamed(std::string_view name);

}  // namespace schoolgate::collector
