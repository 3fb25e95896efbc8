// The middle of the agent: every name that the observer finds meets the rules
// here, and what the rules say is worth telling goes on as an event.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/episode_log.h"
#include "agent/decide/recent_map.h"
#include "agent/decide/verdicts.h"
#include "agent/observe/observation.h"

namespace schoolgate::agent {

struct WatchCounters {
  uint64_t names = 0;       // brought here
  uint64_t repeats = 0;     // seen twice on one machine: loopback, bridges
  uint64_t hits = 0;        // record, warn or block
  uint64_t neighbours = 0;  // asked by others, of this machine or of everybody
  uint64_t never_log = 0;   // help-lines: counted, nothing else
};

// Not thread-safe. Borrows what it is given for its own life; `contacts` may
// be null before enrolment: then nothing is recorded.
class Watch : public ObservationSink {
 public:
  Watch(Attribution& attribution, Verdicts& verdicts, ContactLog* contacts)
      : attribution_(attribution), verdicts_(verdicts), contacts_(contacts) {}

  void SetContacts(ContactLog* contacts) { contacts_ = contacts; }

  // Null, as at the start: nothing is graded.
  void SetEpisodes(EpisodeLog* episodes) { episodes_ = episodes; }

  // Seen in passing: recorded as not enforced.
  void OnName(const Observation& observation) override;

  void OnFlow(const FlowProgress& progress) override;

  // For a packet that is held: the decision alone, so that the packet can go
  // on its way; valid until the next call. `enforced` when a block will really
  // stop it. Call Settle when nobody waits any more.
  const rules::Decision& Judge(const Observation& observation, bool enforced);

  // Records what was judged. May look into /proc and ask for the session.
  void Settle();

  // Now and then: records what was kept waiting for its person.
  void OnTime(int64_t now_us) { ReleaseHeld(now_us); }

  // Before the end: nothing waits any more.
  void Finish(int64_t now_us);

  // Whether this name of a self-test was seen lately.
  bool SawTest(const std::string& name) const { return name == last_test_; }

  const WatchCounters& counters() const { return counters_; }

 private:
  // The same packet is seen on several interfaces within microseconds; a
  // local resolver asks upstream within milliseconds.
  static constexpr int64_t kRepeatUs = 2'000'000;
  static constexpr size_t kMaxRecent = 4096;
  static constexpr size_t kMaxHeld = 256;
  static constexpr int kMaxStubLabels = 6;

  // What was judged and is still to be recorded.
  struct Judged {
    Observation observation;  // without ALPN; its name is in `name`
    std::string name;
    Who who;
    rules::Decision decision;
    bool enforced = false;
    bool repeat = false;
  };

  // Who asked a resolver on this machine.
  struct StubAsker {
    Who who;
    int64_t time_us = 0;
  };

  static bool IsHit(const Judged& judged);
  void Hold(Judged judged);
  static bool IsPersons(const Judged& judged);
  bool IsForSomebody(const Judged& judged) const;
  void NamePerson(const Judged& judged);
  void ReleaseHeld(int64_t now_us);
  void Record(Judged& judged);
  bool IsRepeat(const Observation& observation, const Who& who);
  bool SeenLately(int64_t now_us);  // what is in key_
  void NoteStubQuestion(const Observation& observation, const Who& who);
  const StubAsker* AskedAtStub(const Observation& observation, const Who& who);

  Attribution& attribution_;
  Verdicts& verdicts_;
  ContactLog* contacts_;
  EpisodeLog* episodes_ = nullptr;
  std::vector<Judged> unsettled_;
  std::deque<Judged> held_;  // until its person shows, oldest first
  RecentMap<std::string, int64_t> persons_{2 * kRepeatUs, kMaxRecent};
  RecentMap<std::string, int64_t> packets_{2 * kRepeatUs, kMaxRecent};
  RecentMap<std::string, StubAsker> stub_questions_{2 * kRepeatUs, kMaxRecent};
  WatchCounters counters_;
  std::string key_;
  std::string last_test_;
};

}  // namespace schoolgate::agent
