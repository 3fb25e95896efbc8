#include "collector/fleet/journal.h"

#include <stdio.h>
#include <stdlib.h>

namespace schoolgate::collector {
namespace {

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kNotice:
      return "notice";
    case Level::kInfo:
      return "info";
  }
  return "info";
}

// Hostile text stays on its line.
void AppendQuoted(std::string_view text, std::string* line) {
  line->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') line->push_back('\\');
    line->push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  line->push_back('"');
}

}  // namespace

void Log(Level level, std::string_view event,
         std::initializer_list<Field> fields) {
  static const bool under_systemd = getenv("JOURNAL_STREAM") != nullptr;
  std::string line;
  if (under_systemd) line = "<" + std::to_string(static_cast<int>(level)) + ">";
  line += NameOf(level);
  line += ' ';
  line += event;
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    AppendQuoted(value, &line);
  }
  line += '\n';
  fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace schoolgate::collector
