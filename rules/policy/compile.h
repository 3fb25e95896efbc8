// From the YAML that a school reads to the policy that a device enforces.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/policy.pb.h"

namespace schoolgate::rules {

// One mistake in a policy file, where it is and what to do about it.
struct PolicyMistake {
  std::string file;  // as the caller named it
  int line = 0;      // 1-based
  std::string what;
};

// Reads a policy and the baseline that it names (relative to its own place).
// INVALID_ARGUMENT lists every mistake as "file:line: what", one a line;
// NOT_FOUND when a file cannot be read. The same input gives the same message,
// byte for byte.
absl::StatusOr<v1::CompiledPolicy> CompilePolicyFile(const std::string& path);

// The same, with the mistakes as values. True when there are none.
bool CompilePolicyFile(const std::string& path, v1::CompiledPolicy* policy,
                       std::vector<PolicyMistake>* mistakes);

}  // namespace schoolgate::rules
