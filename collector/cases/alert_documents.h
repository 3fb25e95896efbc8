// Alerts as documents that other programs read: Atom and CSV. People are
// aliases in them, as everywhere.
#pragma once

#include <span>
#include <string>

#include "collector/cases/alert_json.h"

namespace schoolgate::collector {

struct SeenAlert {
  v1::Alert alert;
  Sight sight;  // never kNothing
};

// RFC 4287. `address`: where the feed was fetched from, without its path.
std::string AtomOf(std::span<const SeenAlert> alerts,
                   const std::string& address, absl::Time now);

// RFC 4180, with a line of names. No cell begins like a formula.
std::string CsvOf(std::span<const SeenAlert> alerts,
                  const DisplayName& display_name);

}  // namespace schoolgate::collector
