// A compiled policy as a document that a governor can read beside the paper.
#pragma once

#include <string>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Markdown in plain English. The same policy gives the same text.
std::string ExplainPolicy(const v1::CompiledPolicy& policy);

}  // namespace schoolgate::rules
