// From contacts to graded episodes: did a person open this, try to, land on
// it for a moment, or did a page or a program bring it in? Works offline and
// without knowing any process; better when it does.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/decide/episode_points.h"
#include "agent/decide/episode_scene.h"
#include "agent/decide/event_sink.h"
#include "agent/observe/observation.h"
#include "proto/event.pb.h"
#include "rules/decide.h"
#include "rules/policy/page_knowledge.h"

namespace schoolgate::rules {
class Ruleset;
}  // namespace schoolgate::rules

namespace schoolgate::agent {

struct EpisodeOptions {
  // A capture of many devices: each source address is a scene of its own.
  // Otherwise all traffic is this device's.
  bool by_source = false;
  uint64_t hash_key = 0x5c0019a7e5c0019aULL;  // random on a live device
  // Seals the name of a locked service for the police route. Without it such
  // episodes carry no name at all.
  std::function<std::string(std::string_view)> seal;
};

struct EpisodeCounters {
  uint64_t contacts = 0;  // policy-relevant names brought here
  uint64_t episodes = 0;  // told
  uint64_t refused = 0;   // contacts beyond a limit
};

// Not thread-safe; told the time by what it is fed. Borrows the sink for its
// life. An episode is told once, as soon as its grade cannot become better:
// a blocked attempt after 4 s, a visit after 3 s of data (or when it ends, for
// routine categories), everything else when it is over, and within 60 s in
// any case where the category is serious.
class EpisodeTracker {
 public:
  static constexpr int64_t kGapUs = 15'000'000;
  static constexpr int64_t kLookAheadUs = 4'000'000;
  static constexpr int64_t kDataUs = 30'000'000;
  static constexpr int64_t kSeriousUs = 50'000'000;
  static constexpr int64_t kLongestUs = 120'000'000;
  static constexpr size_t kMostOpen = 512;
  static constexpr size_t kMostMoments = 48;  // an episode
  static constexpr size_t kMostNames = 256;   // an episode
  static constexpr size_t kMostScenes = 4096;

  EpisodeTracker(EpisodeOptions options, EventSink& sink);
  ~EpisodeTracker();

  // Every name seen, benign ones too (they are kept as hashes, for a minute).
  // `decision` says whether it is relevant; `person` is who did it;
  // `enforced` that it was really stopped, so that nothing can come of it.
  void OnName(const Observation& observation, const rules::Decision& decision,
              v1::ProcessKind process, const v1::Person& person,
              v1::Place place, bool enforced = false);

  // What is known of pages; null: nothing. Kept until it is set anew.
  void SetPages(std::shared_ptr<const rules::PageKnowledge> pages) {
    pages_ = std::move(pages);
  }

  // The same name told once more, by another capture point: only the
  // connection it names is new.
  void OnRepeat(const Observation& observation);

  void OnFlow(const FlowProgress& progress);

  // At least once a second; decides what is due.
  void OnTime(int64_t now_us);

  // Decides everything that is still open.
  void Finish(int64_t now_us);

  const EpisodeCounters& counters() const { return counters_; }

 private:
  struct Desk;
  struct Open;
  struct Moment;

  Desk& DeskOf(const Endpoint& source);
  void Extend(Desk& desk, Open& open, const Observation& observation,
              NameHash name);
  std::unique_ptr<Open> Begin(const Observation& observation,
                              const rules::Decision& decision,
                              v1::ProcessKind process, const v1::Person& person,
                              v1::Place place) const;
  void Settle(Desk& desk, const Open& open, Moment& moment);
  MomentFacts FactsOf(const Open& open, const Moment& moment) const;
  void Regrade(Desk& desk, Open& open, int64_t now_us);
  bool IsDue(const Open& open, int64_t now_us) const;
  void Tell(Open& open, int64_t now_us);
  void Decide(Desk& desk, int64_t now_us, bool all);

  const EpisodeOptions options_;
  EventSink& sink_;
  std::map<std::array<uint8_t, 16>, std::unique_ptr<Desk>> desks_;
  std::shared_ptr<const rules::PageKnowledge> pages_;
  EpisodeCounters counters_;
  int64_t decided_us_ = 0;
};

// What the rules say of pages; lives as long as they do.
std::shared_ptr<const rules::PageKnowledge> PagesOf(
    const std::shared_ptr<const rules::Ruleset>& rules);

// The most serious category of a decision; empty when it has none.
std::string GravestCategory(const rules::Decision& decision);

}  // namespace schoolgate::agent
