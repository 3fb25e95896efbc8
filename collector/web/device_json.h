// Devices' health in plain words, and the list of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/store/device_store.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

// In the order of the list.
enum class DeviceLevel { kProblem, kCheck, kGood, kRetired };

struct JudgedDevice {
  const Device* device;  // borrowed
  DeviceLevel level = DeviceLevel::kGood;
  std::string words;  // why, the worst first
};

struct DeviceList {
  std::vector<JudgedDevice> found;  // by level, then by name
  // All devices, not only those found: "problem", "check", "good", "retired".
  std::map<std::string, uint64_t> counts;
};

// `newest_rules`: the highest rules version that any device of the school
// has.
JudgedDevice JudgeDevice(const Device& device, uint64_t newest_rules,
                         absl::Time now);

// `find`: part of the name or the inventory number, of any case; empty: all.
DeviceList ListOf(std::span<const Device> devices, const std::string& find,
                  absl::Time now);

nlohmann::json DeviceJson(const JudgedDevice& judged);

}  // namespace schoolgate::collector
