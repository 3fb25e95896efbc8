// The words of reports: what the rows of their tables are called.
#pragma once

#include <string>
#include <vector>

#include "proto/alert.pb.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

std::string Capital(std::string words);

// "Illegal material", "Serious", "Rule break", "Routine".
const char* SeverityWords(v1::Severity severity);

// "Content", "Contact", "Conduct", "Commerce", "Devices", "Requests"; Areas
// has them in the order in which they are shown.
std::string AreaWords(const v1::Alert& alert);
const std::vector<std::string>& Areas();

// The school's own name of a group. `policy` may be null.
std::string GroupWords(const v1::CompiledPolicy* policy,
                       const std::string& group);

}  // namespace schoolgate::collector
