#include "collector/fleet/journal.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

// A datagram must hold all of it.
constexpr size_t kMaxFieldBytes = 4096;

constexpr std::array<std::pair<std::string_view, Level>, 5> kLevels = {
    {{"error", Level::kError},
     {"warning", Level::kWarning},
     {"notice", Level::kNotice},
     {"info", Level::kInfo},
     {"debug", Level::kDebug}}};

constexpr std::array<std::pair<std::string_view, LogFormat>, 4> kFormats = {
    {{"auto", LogFormat::kAuto},
     {"text", LogFormat::kText},
     {"json", LogFormat::kJson},
     {"journal", LogFormat::kJournal}}};

std::string_view NameOf(Level level) {
  for (const auto& [name, named] : kLevels) {
    if (named == level) return name;
  }
  return "info";
}

// Whether standard error leads to the journal, as systemd said: its device
// and inode are still those of the stream.
bool StandardErrorIsJournal() {
  const char* stream = getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return absl::StrCat(status.st_dev, ":", status.st_ino) == stream;
}

// The one log of this program, as its standard error is one.
class Journal {
 public:
  void Set(const LogSettings& settings) {
    const std::lock_guard lock(mutex_);
    least_ = static_cast<int>(settings.least);
    settings_ = settings;
    format_ = settings.format;
    if (format_ == LogFormat::kAuto && StandardErrorIsJournal()) {
      format_ = LogFormat::kJournal;
    }
    if (socket_ >= 0) close(socket_);
    socket_ = format_ == LogFormat::kJournal
                  ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
                  : -1;
  }

  bool Wants(Level level) const { return static_cast<int>(level) <= least_; }

  void Write(Level level, std::string_view event,
             std::initializer_list<Field> fields) {
    const std::lock_guard lock(mutex_);
    if (format_ == LogFormat::kJson) return WriteJson(level, event, fields);
    if (format_ == LogFormat::kJournal && SendToJournal(level, event, fields)) {
      return;
    }
    WriteText(level, event, fields);
  }

 private:
  static void WriteText(Level level, std::string_view event,
                        std::initializer_list<Field> fields);
  static void WriteJson(Level level, std::string_view event,
                        std::initializer_list<Field> fields);
  bool SendToJournal(Level level, std::string_view event,
                     std::initializer_list<Field> fields);

  std::mutex mutex_;
  std::atomic<int> least_{static_cast<int>(Level::kInfo)};
  LogSettings settings_;
  LogFormat format_ = LogFormat::kAuto;
  int socket_ = -1;
};

// Hostile text stays on its line.
void AppendQuoted(std::string_view text, std::string* line) {
  line->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') line->push_back('\\');
    line->push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  line->push_back('"');
}

std::string Sentence(std::string_view event,
                     std::initializer_list<Field> fields) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    AppendQuoted(value, &line);
  }
  return line;
}

void Journal::WriteText(Level level, std::string_view event,
                        std::initializer_list<Field> fields) {
  static const bool under_systemd = getenv("JOURNAL_STREAM") != nullptr;
  std::string line;
  if (under_systemd) line = absl::StrCat("<", static_cast<int>(level), ">");
  line += NameOf(level);
  line += ' ';
  line += Sentence(event, fields);
  line += '\n';
  fwrite(line.data(), 1, line.size(), stderr);
}

void Journal::WriteJson(Level level, std::string_view event,
                        std::initializer_list<Field> fields) {
  nlohmann::ordered_json line;
  line["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", platform::SystemClock().Now(),
                       absl::UTCTimeZone());
  line["level"] = NameOf(level);
  line["priority"] = static_cast<int>(level);
  line["event"] = event;
  for (const auto& [key, value] : fields) line[std::string(key)] = value;
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
      "\n";
  fwrite(text.data(), 1, text.size(), stderr);
}

// KEY=value; a value with a line break goes with its length before it.
void AppendField(std::string_view key, std::string_view value,
                 std::string* message) {
  value = value.substr(0, kMaxFieldBytes);
  message->append(key);
  if (value.find('\n') == std::string_view::npos) {
    message->append("=").append(value).append("\n");
    return;
  }
  message->append("\n");
  for (int byte = 0; byte < 8; ++byte) {
    message->push_back(static_cast<char>(value.size() >> (8 * byte)));
  }
  message->append(value).append("\n");
}

bool Journal::SendToJournal(Level level, std::string_view event,
                            std::initializer_list<Field> fields) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = settings_.journal_socket;
  if (socket_ < 0 || path.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path.data(), path.size());
  std::string message;
  AppendField("MESSAGE", Sentence(event, fields), &message);
  AppendField("PRIORITY", absl::StrCat(static_cast<int>(level)), &message);
  AppendField("SYSLOG_IDENTIFIER", "schoolgate-collector", &message);
  AppendField("SCHOOLGATE_EVENT", event, &message);
  for (const auto& [key, value] : fields) {
    const std::string name = absl::StrCat(
        "SCHOOLGATE_",
        absl::AsciiStrToUpper(absl::string_view(key.data(), key.size())));
    AppendField(name, value, &message);
  }
  return sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL,
                reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == static_cast<ssize_t>(message.size());
}

Journal& TheJournal() {
  static Journal& journal = *[] {
    auto* made = new Journal;  // outlives every thread that may still log
    made->Set({});
    return made;
  }();
  return journal;
}

}  // namespace

void SetLog(const LogSettings& settings) { TheJournal().Set(settings); }

bool LogWants(Level level) { return TheJournal().Wants(level); }

void Log(Level level, std::string_view event,
         std::initializer_list<Field> fields) {
  if (TheJournal().Wants(level)) TheJournal().Write(level, event, fields);
}

std::optional<Level> LevelNamed(std::string_view name) {
  for (const auto& [known, level] : kLevels) {
    if (known == name) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> LogFormatNamed(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

}  // namespace schoolgate::collector
