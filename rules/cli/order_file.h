// Making and countersigning order files: passes, emergency blocks, timestamps.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rules/cli/key_ring.h"
#include "rules/trust/order.h"

namespace schoolgate::rules {

// Twelve random hexadecimal digits behind `prefix`.
std::string NewOrderId(const std::string& prefix);

// RFC 3339, or "+90m", "+2h" after `now`.
absl::StatusOr<absl::Time> ReadTime(const std::string& text, absl::Time now);

// Signs with each key, whose role must be the order's, and writes the file.
absl::Status SignAndWriteOrder(v1::SignedOrder order,
                               const std::vector<std::string>& keys,
                               const PassphraseOption& passphrase,
                               const std::string& out);

// Adds signatures to an order file of this kind.
absl::Status CountersignOrder(const std::string& path, v1::OrderKind kind,
                              const std::vector<std::string>& keys,
                              const PassphraseOption& passphrase,
                              const std::string& out);

}  // namespace schoolgate::rules
