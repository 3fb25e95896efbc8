// The part of a policy's document that is about people: roles, who is told
// what, and the sanctions tables.
#pragma once

#include <string>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Markdown; empty when the policy says nothing of it.
std::string ExplainPeople(const v1::CompiledPolicy& policy);

}  // namespace schoolgate::rules
