// Verdicts by name and person, remembered for as long as they hold and never
// longer than a minute, so that benign names are soon forgotten.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/portal_allowance.h"
#include "agent/decide/recent_map.h"
#include "agent/decide/rules_trial.h"
#include "agent/decide/visit_book.h"
#include "rules/decide.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

// Not thread-safe.
class Verdicts {
 public:
  explicit Verdicts(std::string device) : device_(std::move(device)) {}

  // From now on by these rules; null forgets all rules, and then everything
  // is allowed and nothing recorded.
  void Use(std::shared_ptr<const rules::Ruleset> rules);

  void SetPlace(rules::Place place);
  void SetDevice(std::string device);

  // The boot's id and how long ago it was: passes end by this clock, so that
  // setting the wall clock back prolongs none.
  void SetBoot(std::string boot_id, int64_t boot_us);

  // It was this late when the boot was that old, says the collector, which may
  // end guests' accounts by it and nothing else (Question::at_least).
  void SetTimeFloor(absl::Time floor, int64_t boot_us);

  // Whose time is over; null as at the start: nobody's. Outlives this.
  void SetVisits(VisitBook* visits) { visits_ = visits; }

  // By which log-in pages of networks are open; null as at the start: by
  // nothing. Outlives this.
  void SetPortal(PortalAllowance* portal) { portal_ = portal; }
  const VisitBook* visits() const { return visits_; }
  PortalAllowance* portal() const { return portal_; }
  int64_t boot_us() const { return boot_us_; }

  const std::shared_ptr<const rules::Ruleset>& rules() const { return rules_; }
  rules::Place place() const { return place_; }

  // Judge by these as well from now on, and only count; null ends the trial.
  // The same ones again change nothing.
  void Try(const std::shared_ptr<const rules::Ruleset>& rules);
  const RulesTrial* trial() const { return trial_.get(); }

  // A question of this device, without host and person. Its views hold until
  // the next Set call.
  rules::Question Blank(absl::Time now) const;

  // Questions answered since the bundle in force came, and how many with
  // "block"; answers from memory do not count.
  uint64_t judged() const { return judged_; }
  uint64_t blocked() const { return blocked_; }

  // Valid until the next call.
  const rules::Decision& For(std::string_view host, const Who& who,
                             int64_t time_us);

  // For what has a category and no host. Not remembered.
  rules::Decision ForCategory(std::string_view category, const Who& who,
                              int64_t time_us) const;

  struct Previewed {
    std::string host;
    rules::Decision decision;
  };
  // The hosts that this person asked for within the last minute, as the group
  // would be answered now; by host. Nothing of the locked lists.
  std::vector<Previewed> Preview(const Who& who, const std::string& group,
                                 int64_t time_us) const;

  // The name that stands in for this one (SafeSearch); empty: none. Borrows
  // the rules.
  std::string_view Restricted(std::string_view host, const Who& who) const;

  // What the policy says to who meets one of these categories; may be empty.
  std::string HelpFor(const rules::Decision& decision) const;

 private:
  const rules::Decision& ByRules(std::string_view host, const Who& who,
                                 int64_t time_us);
  rules::Question QuestionOf(const Who& who, int64_t time_us) const;

  // A name lives in memory for at most this long (DESIGN: 60 s).
  static constexpr int64_t kRememberUs = 60'000'000;
  static constexpr size_t kMaxRemembered = 8192;

  struct Remembered {
    rules::Decision decision;
    int64_t decided_us = 0;
  };

  std::string device_;
  std::shared_ptr<const rules::Ruleset> rules_;
  std::unique_ptr<RulesTrial> trial_;
  PortalAllowance* portal_ = nullptr;
  VisitBook* visits_ = nullptr;
  absl::Time floor_ = absl::InfinitePast();
  int64_t floor_boot_us_ = 0;
  std::optional<rules::Decision> by_portal_;
  uint64_t judged_ = 0;
  uint64_t blocked_ = 0;
  std::string boot_id_;
  int64_t boot_us_ = 0;
  rules::Place place_ = rules::Place::kOnsite;
  RecentMap<std::string, Remembered> remembered_{kRememberUs, kMaxRemembered};
  std::string key_;
};

}  // namespace schoolgate::agent
