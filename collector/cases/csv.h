// Lines of a CSV file (RFC 4180).
#pragma once

#include <string>
#include <vector>

namespace schoolgate::collector {

// Each cell in quotes. What a spreadsheet would take for a formula is kept
// from being one: hosts and words come from devices and people.
void AppendCsvLine(const std::vector<std::string>& cells, std::string* text);

}  // namespace schoolgate::collector
