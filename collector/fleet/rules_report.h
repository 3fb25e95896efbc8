// One page about rules on their way: who runs what, who is stale, how far a
// release is, what it would change.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/paper_shelf.h"
#include "collector/fleet/rollout.h"

namespace schoolgate::collector {

struct TrialLine {
  std::string category, group, before, after;
  uint64_t count = 0;
};

struct RulesReport {
  std::string school;    // empty: all that have no rules of their own
  uint64_t current = 0;  // version; 0: nothing published
  std::optional<Rollout> rollout;
  RingReport ring;
  std::map<uint64_t, size_t> versions;      // version -> devices
  std::map<std::string, size_t> freshness;  // late, stale, overdue -> devices
  std::vector<std::string> in_trouble;      // "laptop-3: why"
  uint64_t trial_judged = 0;
  std::vector<TrialLine> trial;  // summed over devices, most first
  std::vector<std::shared_ptr<const ShelvedPaper>> papers;  // in force
};

// `devices` are those to whom the rules of `school` apply.
RulesReport ReportRules(const std::string& school, const BundleShelf& shelf,
                        const PaperShelf& papers,
                        std::span<const Device> devices, absl::Time now);

nlohmann::json RulesJson(const RulesReport& report);

}  // namespace schoolgate::collector
