// The school's own list of its computers beside the devices that are enrolled:
// a computer without Schoolgate is not protected, a device that no list has
// may be anybody's.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/device_store.h"

namespace schoolgate::collector {

inline constexpr size_t kInventoryMaxBytes = 1 << 20;
inline constexpr size_t kInventoryMaxLines = 20'000;

// One line of the list: at least one of number and name is there.
struct InventoryLine {
  std::string number;  // of the inventory: "OAK-104"
  std::string name;    // of the computer: "laptop-04"
  // Whose it is, as they log in on it; none: the list does not say of any.
  std::optional<std::vector<std::string>> log_ins = {};

  bool operator==(const InventoryLine&) const = default;
};

// A CSV file (RFC 4180) with a comma, semicolon or tab between cells, and a
// first line that names the columns: one called like "inventory number" or
// "asset tag", or one like "computer name" or "hostname", or both; also one
// called "log-in" or "user name", where blanks part several; others are not
// read. INVALID_ARGUMENT says which line is wrong and what is needed.
absl::StatusOr<std::vector<InventoryLine>> ParseInventory(std::string_view csv);

// The devices in use, by what the list knows them by. Borrows them.
class DevicesByLine {
 public:
  explicit DevicesByLine(std::span<const Device> devices);

  // Null: it is not enrolled, or retired.
  const Device* Find(const InventoryLine& line) const;

 private:
  std::map<std::string, const Device*> by_number_, by_name_;
};

struct InventoryComparison {
  uint64_t matched = 0;                 // on the list, enrolled, heard from
  std::vector<InventoryLine> missing;   // on the list, not enrolled
  std::vector<const Device*> unknown;   // enrolled, on no line
  std::vector<const Device*> silent;    // both, not heard from for two weeks
  std::vector<InventoryLine> repeated;  // on the list more than once
};

// By inventory number where both sides have one, else by name; case and outer
// blanks do not count. Retired devices are as good as not enrolled.
InventoryComparison Compare(std::span<const InventoryLine> lines,
                            std::span<const Device> devices, absl::Time now);

}  // namespace schoolgate::collector
