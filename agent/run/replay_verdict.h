// What the rules say of a name in a replay; without rules, allow.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "rules/decide.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

// Not thread-safe.
class ReplayVerdicts {
 public:
  // Answers are remembered for so many hosts, then forgotten together.
  static constexpr size_t kMaxRemembered = 65536;

  // An empty path means no rules. The bundle may be unsigned.
  static absl::StatusOr<ReplayVerdicts> Open(const std::string& bundle,
                                             std::string group,
                                             std::string user);

  // Valid until the next call.
  const rules::Decision& Decide(std::string_view host, int64_t time_us);

  const std::shared_ptr<const rules::Ruleset>& rules() const { return rules_; }

  // For what has a category and no host.
  rules::Decision DecideCategory(std::string_view category, int64_t time_us);

 private:
  rules::Question QuestionAt(int64_t time_us) const;

  std::shared_ptr<const rules::Ruleset> rules_;  // null: no rules
  std::string group_;
  std::string user_;
  rules::Decision allow_;
  absl::flat_hash_map<std::string, rules::Decision> remembered_;
  int64_t remembered_minute_ = 0;
};

}  // namespace schoolgate::agent
