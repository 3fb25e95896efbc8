// From the school's own list of its computers into the register of whose
// device is whose. The log-ins themselves are kept nowhere.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/agreement_store.h"
#include "collector/store/device_store.h"
#include "collector/web/inventory.h"

namespace schoolgate::collector {

struct OwnersImport {
  bool says = false;      // the list has a column of log-ins
  size_t given = 0;       // computers that have an owner now
  size_t changed = 0;     // of those: to others than before
  size_t taken_back = 0;  // had one, and their cell is empty
  // Named by nothing that is known here: no number, and no such device.
  size_t not_here = 0;
};

// The alias of a log-in at the school.
using AliasOf = std::function<absl::StatusOr<std::string>(const std::string&)>;

// Lines that are not on the list change nothing. `by`: account.
absl::StatusOr<OwnersImport> ImportOwners(
    std::span<const InventoryLine> lines, std::span<const Device> devices,
    const std::string& school, const AliasOf& alias_of, AgreementStore& store,
    const std::string& by, absl::Time now);

// "12 computers have an owner (3 changed), 1 was taken back".
std::string ImportInWords(const OwnersImport& import);

}  // namespace schoolgate::collector
