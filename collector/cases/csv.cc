#include "collector/cases/csv.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace schoolgate::collector {

void AppendCsvLine(const std::vector<std::string>& cells, std::string* text) {
  constexpr std::string_view kFormula = "=+-@\t\r";
  const char* between = "";
  for (const std::string& cell : cells) {
    const bool formula =
        !cell.empty() && kFormula.find(cell[0]) != kFormula.npos;
    absl::StrAppend(text, between, formula ? "\"'" : "\"",
                    absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
    between = ",";
  }
  *text += "\r\n";
}

}  // namespace schoolgate::collector
