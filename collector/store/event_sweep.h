// Erasing some of a day's events from its file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// What a device says of its own state, not of a person.
bool IsHealth(const v1::Event& event);

// Whether the school's events (of devices' health, or of people) go.
using IsOver = std::function<bool(const std::string& school, bool health)>;

// Erases them, and every name that no other event needs, from a file that is
// written no more. `mark` is kept in the file: with the same mark it is not
// read again. Returns the events erased; nothing when it had the mark.
absl::StatusOr<std::optional<uint64_t>> SweepFile(const std::string& path,
                                                  const std::string& mark,
                                                  const IsOver& is_over);

}  // namespace schoolgate::collector
