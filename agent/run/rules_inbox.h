// Rules as they come in: roots from enrolment, candidate bundles that the
// uplink delivered. What a candidate is worth, rules/trust judges.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rules/ruleset.h"
#include "rules/trust/acceptance.h"

namespace schoolgate::agent {

// Not thread-safe.
class RulesInbox {
 public:
  explicit RulesInbox(std::string state_directory);

  // Opens what was accepted before. Having no rules yet is no failure.
  absl::Status Open();

  // Judges what lies in incoming/ and removes it. True when the rules in force
  // have changed.
  bool TakeCandidates(absl::Time now);

  // Null before the first accepted bundle.
  const std::shared_ptr<const rules::Ruleset>& rules() const { return rules_; }

  std::string bundle_hash() const { return acceptance_ ? hash_ : ""; }

  // Why the newest candidate was refused; empty when it was not.
  const std::string& problem() const { return problem_; }

 private:
  bool TakeRoot();
  bool UseCurrent();

  const std::string state_directory_;
  std::unique_ptr<rules::Acceptance> acceptance_;
  std::shared_ptr<const rules::Ruleset> rules_;
  std::string hash_;
  std::string problem_;
};

}  // namespace schoolgate::agent
