// A compiled policy as a document that a governor can read beside the paper.
#pragma once

#include <string>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Markdown in plain English. The same policy gives the same text.
std::string ExplainPolicy(const v1::CompiledPolicy& policy);

// "Monday to Friday 09:00-12:00 on school days", for one schedule.
std::string DescribeSchedule(const v1::PolicySchedule& schedule);

}  // namespace schoolgate::rules
