// What a restriction says in words, and how two are compared.
#pragma once

#include <cstddef>
#include <string>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Most that one policy may have: each question is compared with all of them.
inline constexpr size_t kMaxRestrictions = 256;

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
