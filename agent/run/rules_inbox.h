// Rules as they come in: trust roots, candidate bundles, lesson passes,
// emergency blocks and timestamps that the uplink delivered. What each is
// worth, rules/trust judges; the uplink has no say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/run/bundle_judge.h"
#include "rules/ruleset.h"
#include "rules/trust/acceptance.h"
#include "rules/trust/order_book.h"

namespace schoolgate::agent {

struct InboxCounters {
  uint64_t orders_taken = 0;
  uint64_t orders_refused = 0;  // repeats of what is over do not count
  uint64_t roots_refused = 0;
};

// Not thread-safe. A bundle is judged on a thread of its own, because that
// takes seconds; orders take effect meanwhile.
class RulesInbox {
 public:
  explicit RulesInbox(std::string state_directory);

  // Opens what was accepted before, with the orders that still hold. Having
  // no rules yet is no failure.
  absl::Status Open(const rules::Moment& moment);

  // Judges what lies in incoming/ and removes it, and lets passes and blocks
  // end. True when the rules in force have changed. `moment` needs no floor.
  bool Turn(rules::Moment moment);

  // With the orders in force. Null before the first accepted bundle.
  const std::shared_ptr<const rules::Ruleset>& rules() const { return rules_; }
  // Rules to be judged by beside those in force; null when there are none.
  const std::shared_ptr<const rules::Ruleset>& trial() const { return trial_; }

  // Whether parts of the rules' file could not be read, or were not what was
  // signed, when a look-up needed them. The same bundle again, whole, mends it.
  bool damaged() const;

  // Whether a bundle is being judged at this moment.
  bool judging() const { return judge_ != nullptr; }

  std::string bundle_hash() const { return hash_; }
  uint64_t root_version() const { return root_ ? root_->version() : 0; }
  // How old the newest word of the publisher is; kUnknown before the first
  // signed timestamp: a school that signs none is not warned about it.
  rules::Freshness FreshnessAt(absl::Time now) const;

  // Why the newest candidate was refused or put back; empty when it was not.
  const std::string& problem() const { return problem_; }
  // Why the newest order or root was refused.
  const std::string& order_problem() const { return order_problem_; }
  const InboxCounters& counters() const { return counters_; }

 private:
  void TakeEnrolledRoot();
  void TakeRoots();
  bool TakeOrders(const rules::Moment& moment);
  absl::Status JudgeOrder(const std::string& text, const rules::Moment& moment);
  void NoteOrder(const absl::Status& status);
  bool TakeBundles(absl::Time now);
  bool TakeJudgement();
  void KeepRoot();
  void UseOverlays(const rules::Moment& moment);

  const std::string state_directory_;
  std::unique_ptr<rules::Acceptance> acceptance_;
  std::unique_ptr<rules::OrderBook> book_;
  std::unique_ptr<BundleJudge> judge_;  // while it works, acceptance_ is its
  // What orders are judged by, also while acceptance_ is busy.
  std::unique_ptr<const rules::TrustRoot> root_;
  absl::Time signed_floor_ = absl::InfinitePast();
  absl::Time stamped_ = absl::InfinitePast();  // the newest timestamp

  std::shared_ptr<const rules::Ruleset> bundle_;  // without orders
  std::shared_ptr<const rules::Ruleset> rules_;
  std::shared_ptr<const rules::Ruleset> trial_;
  std::string hash_;
  std::string problem_;
  std::string order_problem_;
  InboxCounters counters_;
};

}  // namespace schoolgate::agent
