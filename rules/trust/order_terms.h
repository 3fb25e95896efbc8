// What a lesson pass or an emergency block may say at all.
#pragma once

#include "absl/status/status.h"
#include "rules/trust/order_book.h"

namespace schoolgate::rules {

// kWrongSchool, kMalformed (no id, host or reason), kNoTimeLimit,
// kNamesNobody, kSelfApproved, kApproverNotSigner, kNotPassable.
absl::Status CheckPassTerms(const v1::PassOrder& order, const Signers& signers,
                            const OrderGround& ground);

// kWrongSchool, kMalformed, kApproverNotSigner.
absl::Status CheckBlockTerms(const v1::EmergencyOrder& order,
                             const Signers& signers, const OrderGround& ground);

}  // namespace schoolgate::rules
