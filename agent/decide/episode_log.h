// The device's graded episodes: who did it is worked out here, the grading is
// EpisodeTracker's, the spool takes what comes out.
#pragma once

#include <cstdint>

#include "agent/decide/attribution.h"
#include "agent/decide/bulk_watch.h"
#include "agent/decide/episode_tracker.h"
#include "agent/decide/event_sink.h"
#include "agent/decide/identity.h"
#include "agent/observe/observation.h"
#include "rules/decide.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the sink for its life.
class EpisodeLog {
 public:
  EpisodeLog(const Identity& identity, EventSink& sink);

  // Every name, benign ones too. What the policy does not log is benign here.
  // `enforced`: a block is really carried out.
  void Note(const Observation& observation, const Who& who,
            const rules::Decision& decision, v1::ProcessKind process,
            rules::Place place, bool enforced);

  // Much was moved to or from hosts that are not reported: an episode of the
  // category "bulk-transfer" without any host, at school.
  void NoteTransfer(const LargeTransfer& moved, const Who& who);

  // The rules in force, for what they say of pages.
  void SetRules(const std::shared_ptr<const rules::Ruleset>& rules);

  // A name already noted, seen at another capture point.
  void OnRepeat(const Observation& observation) {
    tracker_.OnRepeat(observation);
  }

  void OnFlow(const FlowProgress& progress) { tracker_.OnFlow(progress); }

  // About once a second, so that an attempt is told when nothing follows it.
  void OnTime(int64_t now_us) { tracker_.OnTime(now_us); }

  // Before going down: decides what is open.
  void Finish(int64_t now_us) { tracker_.Finish(now_us); }

  const EpisodeCounters& counters() const { return tracker_.counters(); }

 private:
  v1::Person PersonOf(const Who& who) const;

  const std::string pseudonym_key_;
  EventSink& sink_;
  const rules::Decision benign_;
  const rules::Ruleset* rules_ = nullptr;  // held by the tracker
  EpisodeTracker tracker_;
};

}  // namespace schoolgate::agent
