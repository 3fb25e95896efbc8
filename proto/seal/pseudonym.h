// The name by which a collector knows a person, and nothing more.
#pragma once

#include <string>
#include <string_view>

namespace schoolgate::seal {

// "P-" and eight characters of Crockford's base32 (40 bits of a keyed
// BLAKE2b): in a school of 2,000 people the chance that any two share one is
// 2 in a million. Stable for one school's key; useless without it. Log-ins
// that differ only in ASCII case are one person, as directories treat them.
std::string Pseudonym(std::string_view school_key, std::string_view login);

}  // namespace schoolgate::seal
