// Rules on trial: judged by beside those in force, enforced never. Keeps
// counts, no names and nobody's name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "proto/event.pb.h"
#include "rules/decide.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

// Not thread-safe.
class RulesTrial {
 public:
  static constexpr size_t kMaxRows = 256;

  explicit RulesTrial(std::shared_ptr<const rules::Ruleset> rules)
      : rules_(std::move(rules)) {}

  // `in_force` is what the rules in force have answered.
  void Note(const rules::Question& question, const rules::Decision& in_force);

  void Report(v1::Trial* report) const;

  const std::shared_ptr<const rules::Ruleset>& rules() const { return rules_; }

 private:
  // Category, group, action now, action then.
  using Row = std::tuple<std::string, std::string, v1::Action, v1::Action>;

  const std::shared_ptr<const rules::Ruleset> rules_;
  uint64_t judged_ = 0;
  std::map<Row, uint64_t> rows_;
};

}  // namespace schoolgate::agent
