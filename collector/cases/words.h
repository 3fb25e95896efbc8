// Plain words for ids, times and numbers, as a head teacher would say them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// "gambling sites"; the id itself with spaces for one that is not known.
std::string CategoryWords(std::string_view category);

// "a gambling site"
std::string OneOfCategory(std::string_view category);

// "once", "twice", "5 times"
std::string Times(uint32_t count);

// "a", "a and b", "a, b and 3 more"
std::string Listed(const std::vector<std::string>& items, size_t most);

// "at 10:42 on Tuesday 24 November 2026" or "between ... and ...".
std::string When(absl::Time first, absl::Time last, absl::TimeZone zone);

// "Pupil P-7F3AQ2", "Member of staff P-...", "Somebody on laptop-12".
std::string Who(const v1::Alert& alert, bool is_person);

// "Key Stage 2", where a policy has no name of its own for the group.
std::string GroupName(std::string_view group);

bool IsStaffGroup(std::string_view group);

// "The computer's list of host names was changed": what a tamper kind means.
std::string TamperWords(std::string_view kind);

}  // namespace schoolgate::collector
