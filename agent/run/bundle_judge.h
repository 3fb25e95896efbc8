// One candidate bundle being judged: copying, checking every hash, comparing
// with the rules in force and opening it takes seconds for millions of hosts,
// and nobody's packet waits for that.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "rules/ruleset.h"
#include "rules/trust/acceptance.h"

namespace schoolgate::agent {

struct Judgement {
  absl::Status status;  // of the candidate
  bool trial = false;
  // The rules to go on with; null when nothing changes.
  std::shared_ptr<const rules::Ruleset> rules;
  std::string manifest_hash;
};

// The acceptance and the rules are the judge's alone until done().
class BundleJudge {
 public:
  // Starts at once, at low priority. A file that ends in ".trial" is only
  // opened, not accepted. `in_force` may be null.
  BundleJudge(rules::Acceptance& acceptance,
              std::shared_ptr<const rules::Ruleset> in_force, std::string path,
              absl::Time now);
  ~BundleJudge();

  bool done() const { return done_; }
  // Once, after done(). The file is gone by then.
  Judgement Take();

 private:
  void Work(absl::Time now);
  void Enforceable(absl::Time now);
  void OnTrial();

  rules::Acceptance& acceptance_;
  const std::shared_ptr<const rules::Ruleset> in_force_;
  const std::string path_;
  Judgement judgement_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace schoolgate::agent
