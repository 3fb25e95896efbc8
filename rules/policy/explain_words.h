// The words of the policy language, as a governor would say them.
#pragma once

#include <cstdint>
#include <string>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// On one line, and no markup of a table.
std::string PlainText(std::string text);

// "blocked", "allowed and recorded", ...
std::string ActionWords(v1::Action action);

// "illegal material", "serious matters"; empty for any tier.
std::string TierWords(int tier);

// The same for the tier's id, as thresholds name it; empty: it is no tier.
std::string TierWords(const std::string& id);

// "line_manager" is "line manager". An unknown id is its own word.
std::string ReferralWords(const std::string& id);

// "hit" is "A contact that met a rule".
std::string RetentionWords(const std::string& id);

// "15 minutes", "1 minute", "40 hours".
std::string MinutesWords(uint32_t minutes);

// "2026-09-01" for days since 1970.
std::string DayWords(int32_t day);

// "Monday to Friday 09:00-12:00 on school days", for one schedule.
std::string DescribeSchedule(const v1::PolicySchedule& schedule);

}  // namespace schoolgate::rules
