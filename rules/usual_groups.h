// The groups of people that policies usually have; a school's own policy may
// have others.
#pragma once

#include <array>
#include <string_view>

namespace schoolgate::rules {

inline constexpr std::array<std::string_view, 10> kUsualGroups = {
    "staff",     "ks1",   "ks2",        "pupils",    "governor",
    "volunteer", "guest", "contractor", "community", "unknown"};

}  // namespace schoolgate::rules
