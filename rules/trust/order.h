// Signed orders: small files beside the bundle. Text on disk and on the wire.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {

inline constexpr size_t kMaxOrderFileBytes = 128 << 10;

std::string_view OrderContext(v1::OrderKind kind);
v1::TrustRole OrderRole(v1::OrderKind kind);
// "lesson pass", "emergency block", "timestamp".
std::string_view OrderName(v1::OrderKind kind);

// kOversized or kMalformed.
absl::StatusOr<v1::SignedOrder> ParseOrder(std::string_view text);
std::string OrderText(const v1::SignedOrder& order);

// Adds the key's signature, replacing one it made before.
void SignOrder(const SigningKey& key, v1::SignedOrder* order);

// As TrustRoot::Check, for the order's own role.
absl::StatusOr<Signers> CheckOrder(const TrustRoot& root,
                                   const v1::SignedOrder& order);

}  // namespace schoolgate::rules
