#include "collector/web/inventory.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "collector/store/device_owners.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kSilent = absl::Hours(24 * 14);
constexpr size_t kMostCells = 200;
constexpr size_t kMostCellBytes = 200;
constexpr size_t kMostLogInBytes = 104;  // as long as directories allow

using Row = std::vector<std::string>;

std::string Plain(std::string_view cell) {
  return absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(absl::string_view(cell.data(), cell.size())));
}

// The one that the first line has most of.
char Separator(std::string_view csv) {
  const std::string_view line = csv.substr(0, csv.find('\n'));
  char best = ',';
  for (const char one : {',', ';', '\t'}) {
    if (std::count(line.begin(), line.end(), one) >
        std::count(line.begin(), line.end(), best)) {
      best = one;
    }
  }
  return best;
}

absl::Status AtLine(size_t line, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("Line ", line, ": ", what));
}

// Reads rows from the start of a text, a quoted cell whole.
class Rows {
 public:
  explicit Rows(std::string_view csv) : csv_(csv), separator_(Separator(csv)) {}

  bool Done() const { return at_ >= csv_.size(); }
  size_t line() const { return line_; }

  absl::StatusOr<Row> Next() {
    Row row;
    ++line_;
    while (true) {
      std::string cell;
      const absl::Status read = ReadCell(&cell);
      if (!read.ok()) return read;
      if (row.size() == kMostCells || cell.size() > kMostCellBytes) {
        return AtLine(line_,
                      "too long. Save the list as CSV with one computer a "
                      "line and try again.");
      }
      row.push_back(std::move(cell));
      if (Done()) return row;
      const char end = csv_[at_++];
      if (end == '\n') return row;
    }
  }

 private:
  absl::Status ReadCell(std::string* cell) {
    const bool quoted = at_ < csv_.size() && csv_[at_] == '"';
    if (quoted) ++at_;
    while (at_ < csv_.size()) {
      const char c = csv_[at_];
      if (quoted && c == '"') {
        if (at_ + 1 >= csv_.size() || csv_[at_ + 1] != '"') break;
        ++at_;
      } else if (!quoted && (c == separator_ || c == '\n')) {
        break;
      }
      if (c != '\r') *cell += c;
      ++at_;
    }
    if (!quoted) return absl::OkStatus();
    if (Done()) return AtLine(line_, "a quotation mark is not closed.");
    ++at_;
    while (at_ < csv_.size() && (csv_[at_] == '\r' || csv_[at_] == ' ')) ++at_;
    if (Done() || csv_[at_] == separator_ || csv_[at_] == '\n') {
      return absl::OkStatus();
    }
    return AtLine(line_, "something follows a closing quotation mark.");
  }

  const std::string_view csv_;
  const char separator_;
  size_t at_ = 0, line_ = 0;
};

bool IsNumberColumn(const std::string& title) {
  return absl::StrContains(title, "inventory") ||
         absl::StrContains(title, "asset") || title == "tag" ||
         title == "number";
}

bool IsNameColumn(const std::string& title) {
  return absl::StrContains(title, "hostname") ||
         absl::StrContains(title, "host name") ||
         absl::StrContains(title, "computer") || title == "name" ||
         absl::StrContains(title, "device name");
}

bool IsLogInColumn(const std::string& title) {
  return absl::StrContains(title, "log-in") ||
         absl::StrContains(title, "login") || title == "user name" ||
         title == "username";
}

// As accounts are called; a person's name in its place would make a stranger
// of the very person.
bool IsLogIn(std::string_view word) {
  return word.size() <= kMostLogInBytes &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  std::string_view("._-@\\$+").find(c) !=
                      std::string_view::npos;
         });
}

absl::StatusOr<std::vector<std::string>> LogInsIn(const std::string& cell,
                                                  size_t line) {
  std::vector<std::string> all =
      absl::StrSplit(cell, absl::ByAnyChar(" ,;"), absl::SkipEmpty());
  if (all.size() > kMostOwners ||
      !std::all_of(all.begin(), all.end(), IsLogIn)) {
    return AtLine(line,
                  "the log-in is to be written as it is typed on the computer, "
                  "four people at most, with a blank between them.");
  }
  return all;
}

std::string CellAt(const Row& row, std::optional<size_t> column) {
  if (!column || *column >= row.size()) return "";
  return std::string(absl::StripAsciiWhitespace(row[*column]));
}

}  // namespace

absl::StatusOr<std::vector<InventoryLine>> ParseInventory(
    std::string_view csv) {
  if (csv.size() > kInventoryMaxBytes) {
    return absl::InvalidArgumentError(
        "The list is larger than 1 MB. Save the columns with the inventory "
        "number and the name alone.");
  }
  if (csv.starts_with("\xef\xbb\xbf")) csv.remove_prefix(3);
  if (csv.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "This is no text. Save the list as CSV and choose that file.");
  }
  Rows rows(csv);
  if (rows.Done()) return absl::InvalidArgumentError("The list is empty.");
  const absl::StatusOr<Row> titles = rows.Next();
  if (!titles.ok()) return titles.status();
  std::optional<size_t> number, name, log_in;
  for (size_t i = 0; i < titles->size(); ++i) {
    const std::string title = Plain((*titles)[i]);
    if (!log_in && IsLogInColumn(title)) {
      log_in = i;
    } else if (!number && IsNumberColumn(title)) {
      number = i;
    } else if (!name && IsNameColumn(title)) {
      name = i;
    }
  }
  if (!number && !name) {
    return AtLine(1,
                  "no column is called \"inventory number\", \"asset tag\", "
                  "\"computer name\" or \"hostname\". Name one of them so.");
  }
  std::vector<InventoryLine> lines;
  while (!rows.Done()) {
    const absl::StatusOr<Row> row = rows.Next();
    if (!row.ok()) return row.status();
    InventoryLine line{CellAt(*row, number), CellAt(*row, name)};
    if (log_in) {
      auto log_ins = LogInsIn(CellAt(*row, log_in), rows.line());
      if (!log_ins.ok()) return log_ins.status();
      line.log_ins = *std::move(log_ins);
    }
    if (line.number.empty() && line.name.empty()) continue;
    if (lines.size() == kInventoryMaxLines) {
      return AtLine(rows.line(), "more than 20,000 computers.");
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) {
    return absl::InvalidArgumentError(
        "Only the first line is filled: there is no computer on the list.");
  }
  return lines;
}

DevicesByLine::DevicesByLine(std::span<const Device> devices) {
  for (const Device& device : devices) {
    if (device.state == DeviceState::kDecommissioned) continue;
    if (const std::string one = Plain(device.inventory_number); !one.empty()) {
      by_number_.emplace(one, &device);
    }
    if (const std::string one = Plain(device.hostname); !one.empty()) {
      by_name_.emplace(one, &device);
    }
  }
}

const Device* DevicesByLine::Find(const InventoryLine& line) const {
  const std::string number = Plain(line.number);
  if (const auto at = by_number_.find(number); at != by_number_.end()) {
    return at->second;
  }
  const auto by = by_name_.find(Plain(line.name));
  if (by == by_name_.end()) return nullptr;
  // Another number on the same name is another computer.
  const std::string other = Plain(by->second->inventory_number);
  return number.empty() || other.empty() ? by->second : nullptr;
}

InventoryComparison Compare(std::span<const InventoryLine> lines,
                            std::span<const Device> devices, absl::Time now) {
  const DevicesByLine here(devices);
  InventoryComparison result;
  std::set<const Device*> found;
  std::set<std::string> seen;
  for (const InventoryLine& line : lines) {
    const std::string number = Plain(line.number);
    if (!seen.insert(number.empty() ? "name " + Plain(line.name) : number)
             .second) {
      result.repeated.push_back(line);
      continue;
    }
    const Device* device = here.Find(line);
    if (device == nullptr) {
      result.missing.push_back(line);
    } else if (!found.insert(device).second) {
      result.repeated.push_back(line);
    } else if (now - device->last_contact > kSilent) {
      result.silent.push_back(device);
    } else {
      ++result.matched;
    }
  }
  for (const Device& device : devices) {
    if (device.state != DeviceState::kDecommissioned &&
        !found.contains(&device)) {
      result.unknown.push_back(&device);
    }
  }
  return result;
}

}  // namespace schoolgate::collector
