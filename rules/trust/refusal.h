// Why a device refuses a bundle, a root or an order. Each cause is its own
// word, so that a tamper event can name it and a table of attacks can be
// checked against it.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace schoolgate::rules {

enum class Refusal {
  // The file as such.
  kUnreadable,   // missing, not a plain file, no permission
  kTruncated,    // shorter than its own head says
  kOversized,    // longer than a device takes, or than its head says
  kMalformed,    // not a bundle, root or order at all
  kSectionHash,  // a section is not what the manifest says
  kBadContent,   // signed, but its index or policy cannot be read
  // Signatures.
  kBadSignature,  // a known key's signature does not fit
  kUnknownKey,    // a key the root does not name
  kWrongRole,     // a key that has no say in this
  kSameKeyTwice,
  kTooFewSignatures,
  // Time and order.
  kRollback,      // older than what the device has, or had
  kEquivocation,  // same version, other content
  kVersionJump,   // so far ahead that recovery would be impossible
  kExpired,       // newer than ours, but already expired
  kNotYetIssued,  // order issued in the future
  kFreeze,        // older than what the signed timestamp promises
  kMixAndMatch,   // not the bundle that the signed timestamp names
  // Who and what.
  kWrongSchool,    // for another school or trust
  kLoosenedByOne,  // loosens without provider and school together
  kLockedRemoved,  // takes from the locked list without its role
  // Roots.
  kRootGap,   // a version of the chain is missing
  kWeakRoot,  // thresholds or organisations below the floor
  // Orders: lesson passes, emergency blocks, timestamps.
  kReplayedOrder,       // already used, ended or withdrawn
  kNotPassable,         // category may never be passed, or is locked
  kSelfApproved,        // requester and approver are one, or no approver
  kApproverNotSigner,   // the named approver did not sign
  kNoTimeLimit,         // no end, an end before its start, or too long
  kEnded,               // over before it came
  kNamesNobody,         // no device, group or user: would be for everybody
  kLoosensByEmergency,  // an emergency order that does not tighten
  kTooMany,             // as many orders in force as a device holds
};

// "rollback", "too_few_signatures": stable; goes into tamper events.
std::string_view RefusalName(Refusal refusal);

// PERMISSION_DENIED with a message "what: why: what to do" that carries the
// cause; RefusalOf finds it again.
absl::Status Refuse(Refusal refusal, std::string_view message);

// The cause that `status` carries; none for OK and for failures of the
// device's own disk.
std::optional<Refusal> RefusalOf(const absl::Status& status);

}  // namespace schoolgate::rules
