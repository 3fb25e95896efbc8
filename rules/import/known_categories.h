// The category ids that policies, bundles, canaries and tests share.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace schoolgate::rules {

// In ascending order. Every bundle has all of these, with or without a list.
std::span<const std::string_view> KnownCategories();

// Whether being in it speaks against whoever contacts the host. Unknown ids
// do: a list that somebody adds is judged by the strict rule.
bool IsAccusing(std::string_view category);

// Whether being in it can only ever open a host, in any sensible policy.
bool IsHarmless(std::string_view category);

// Lower-case letters, digits, '-' and '_'; at most 40.
bool IsCategoryId(std::string_view id);

// "gambling.check.schoolgate.test": in every bundle, so that enforcement can
// be tested without contacting a real site.
std::string CanaryHost(std::string_view category);

}  // namespace schoolgate::rules
