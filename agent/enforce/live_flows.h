// Connections that were let run, so that they can be cut when the answer
// changes: by a new bundle, an emergency block, the end of a lesson pass, or
// the hour.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/enforce/flow_ends.h"
#include "agent/observe/observation.h"
#include "platform/flow_marker.h"
#include "rules/decide.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

// Not thread-safe.
//
// A name stays for a minute. After that only what a rule can be held against
// is left: keyed fingerprints of the name and those above it, and the
// categories. A host that only a new bundle's list has learnt is then not
// noticed; whatever an order or a rule names, is.
class LiveFlows {
 public:
  static constexpr size_t kMaxFlows = 4096;
  // From here on the kernel is asked which are over.
  static constexpr size_t kCrowd = kMaxFlows / 2;
  static constexpr absl::Duration kNameStays = absl::Minutes(1);
  static constexpr absl::Duration kFlowStays = absl::Hours(12);

  // `key` makes the fingerprints of two runs differ: 16 random bytes.
  explicit LiveFlows(std::string key) : key_(std::move(key)) {}

  // The flow of `seen` may run by `decision`. An earlier one on the same ports
  // is forgotten. Where there is no room, that goes which nobody has known to
  // run for longest; see ForgetOver.
  void Remember(const Observation& seen, const Who& who,
                const rules::Decision& decision);

  // A new connection on the same ports has begun.
  void Forget(const FlowEnds& ends) { flows_.erase(ends); }

  // The rules have changed: cuts what ran by the old ones and may not by the
  // new. `now` brings device, place and clocks. Returns how many were cut.
  size_t CutForbidden(const rules::Ruleset& before, const rules::Ruleset& after,
                      const rules::Question& now, platform::FlowMarker& marker);

  // Names whose minute is over become fingerprints: that is dear, so not while
  // a packet waits. Call it several times a second.
  void ForgetNames(absl::Time now);

  // In a crowd: asks the kernel about as many as have come, and some more, and
  // forgets what is over; what runs stays, whatever comes after it. Call it as
  // ForgetNames.
  void ForgetOver(platform::FlowMarker& marker);

  // Time has passed: cuts what was allowed until now.
  size_t OnTime(const rules::Ruleset& rules, const rules::Question& now,
                platform::FlowMarker& marker);

  // This person's time is over: cuts all that runs by their log-in.
  size_t CutOf(std::string_view login, platform::FlowMarker& marker);

  size_t size() const { return flows_.size(); }

  // Flows that went for others, and perhaps run uncut.
  uint64_t forgotten() const { return forgotten_; }

 private:
  struct Flow {
    Transport transport = Transport::kTcp;
    Endpoint client, server;
    std::string name;              // empty when its minute is over
    std::vector<uint64_t> prints;  // of the name, then of each above it
    std::vector<std::string> categories;
    std::string login, group;
    absl::Time since;
    absl::Time until;  // the answer may change then
  };
  using Hosts = std::unordered_map<uint64_t, std::string>;

  uint64_t Print(std::string_view name) const;
  void AddHosts(const rules::Ruleset& rules, Hosts* hosts) const;
  bool Forbidden(const Flow& flow, const rules::Ruleset& before,
                 const rules::Ruleset& after, const Hosts& hosts,
                 const rules::Question& now) const;
  bool Cut(const Flow& flow, platform::FlowMarker& marker) const;

  const std::string key_;
  // When they began. Some are gone or begun anew by now.
  using Ages = std::deque<std::pair<absl::Time, FlowEnds>>;

  absl::flat_hash_map<FlowEnds, Flow> flows_;
  Ages order_;       // first what has not been known to run for longest
  Ages named_;       // those whose name is still held, oldest first
  size_t come_ = 0;  // since ForgetOver
  uint64_t forgotten_ = 0;
  absl::Time next_until_ = absl::InfiniteFuture();  // of all; none is earlier
};

}  // namespace schoolgate::agent
