// The parts of `check`, each looking for one sort of trouble.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/policy.pb.h"
#include "rules/policy/check.h"
#include "rules/policy/document.h"

namespace schoolgate::rules {

// Collects findings about one file. Not thread-safe.
class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  void Contradiction(int line, std::string id, std::string what) {
    list_.push_back({Finding::Kind::kContradiction, file_, line, std::move(id),
                     std::move(what), "", 0});
  }
  void Trap(int line, std::string id, std::string what) {
    list_.push_back({Finding::Kind::kTrap, file_, line, std::move(id),
                     std::move(what), "", 0});
  }
  void Warning(int line, std::string what) {
    list_.push_back(
        {Finding::Kind::kWarning, file_, line, "", std::move(what), "", 0});
  }
  const std::string& file() const { return file_; }
  std::vector<Finding>& list() { return list_; }

 private:
  std::string file_;
  std::vector<Finding> list_;
};

// Rules that contradict each other, a clause or a never-log host.
void CheckRules(const v1::CompiledPolicy& policy, const Node& root,
                Findings* findings);
// Calendar, nominations, roles, routes and retention.
void CheckPeopleAndTimes(const v1::CompiledPolicy& policy, const Node& root,
                         absl::Time now, Findings* findings);
// Z1 to Z19 of the paper policies.
void CheckTraps(const v1::CompiledPolicy& policy, const Node& root,
                Findings* findings);

}  // namespace schoolgate::rules
