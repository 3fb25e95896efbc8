// What a restriction says in words, and how two are compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Most that one policy may have: each question is compared with all of them.
inline constexpr size_t kMaxRestrictions = 256;

// What a guest account is restricted to when its last day is over: a group that
// no rule names, which the compiler adds.
inline constexpr char kEndedGroup[] = "ended";

// Whether it is the end of a guest's account: from that day on, for ever.
bool IsGuestsEnd(const v1::CompiledPolicy& policy,
                 const v1::Restriction& restriction);

// The first moment at which the guest account `user` is over; none: it is no
// guest's, or has no end.
std::optional<int64_t> GuestEnd(const v1::CompiledPolicy& policy,
                                std::string_view user);

// "4 December 2026": the local day before the moment.
std::string DayBefore(const v1::CompiledPolicy& policy, int64_t unix_s);

// "27 November 2026": the last day in the policy's own time zone.
std::string LastDayOf(const v1::CompiledPolicy& policy,
                      const v1::Restriction& restriction);

// "pupil.one has the answers of internet removed from 2026-11-23 until
// 2026-11-27 (asked by dsl, approved by head: REASON)". For staff.
std::string RestrictionWords(const v1::CompiledPolicy& policy,
                             const v1::Restriction& restriction);

// Whether whoever `was` restricted in the policy `before` is restricted by
// `is` in the policy `after` at least as long and to the same group.
bool Covers(const v1::CompiledPolicy& after, const v1::Restriction& is,
            const v1::CompiledPolicy& before, const v1::Restriction& was);

}  // namespace schoolgate::rules
