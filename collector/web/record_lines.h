// What is kept about one person, in the lines in which they or those whom they
// asked read it: contacts, reports and accepted notices, never an alert.
#pragma once

#include <string>
#include <vector>

#include "collector/store/event_store.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

// What a page shows. A file holds more.
inline constexpr size_t kRecordPageLines = 500;
inline constexpr size_t kRecordMostLines = 20'000;

// Without their alias: whoever knows it finds the person in what others see.
nlohmann::json RecordLines(const std::vector<StoredEvent>& events);

// Of those lines; RFC 4180, safe to open in a spreadsheet.
std::string RecordCsv(const nlohmann::json& lines);

}  // namespace schoolgate::collector
