// The middle of the agent: every name that the observer finds meets the rules
// here, and what the rules say is worth telling goes on as an event.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decide/attribution.h"
#include "agent/decide/bulk_watch.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/episode_log.h"
#include "agent/decide/flow_witness.h"
#include "agent/decide/name_shapes.h"
#include "agent/decide/notice_board.h"
#include "agent/decide/recent_map.h"
#include "agent/decide/verdicts.h"
#include "agent/observe/observation.h"

namespace schoolgate::agent {

struct WatchCounters {
  uint64_t names = 0;       // brought here, but for self-tests
  uint64_t repeats = 0;     // seen twice on one machine: loopback, bridges
  uint64_t hits = 0;        // record, warn or block
  uint64_t neighbours = 0;  // asked by others, of this machine or of everybody
  uint64_t never_log = 0;   // help-lines: counted, nothing else
  uint64_t labels = 0;      // flows labelled by nDPI

  // What limits cost: packets, persons and stubs' questions pushed out of
  // memory by others; contacts recorded before their person showed; parents of
  // stubs' names and self-tests that were not remembered; programs that were
  // not found in time.
  uint64_t forgotten = 0;
  uint64_t unwaited = 0;
  uint64_t unkept_parents = 0;
  uint64_t forgotten_tests = 0;
  uint64_t unfound_programs = 0;
};

// Not thread-safe. Borrows what it is given for its own life; `contacts` may
// be null before enrolment: then nothing is recorded.
class Watch : public ObservationSink {
 public:
  // Contacts that wait for their person, keys of each kind that are
  // remembered, parents of a stub's question, self-tests.
  static constexpr size_t kMaxHeld = 256;
  static constexpr size_t kMaxRecent = 4096;
  static constexpr int kMaxStubLabels = 6;
  static constexpr size_t kMaxTests = 16;
  // What is judged and not yet recorded; then it is recorded at once.
  static constexpr size_t kMaxUnsettled = 256;

  Watch(Attribution& attribution, Verdicts& verdicts, ContactLog* contacts)
      : attribution_(attribution), verdicts_(verdicts), contacts_(contacts) {}

  void SetContacts(ContactLog* contacts) { contacts_ = contacts; }

  // Null, as at the start: nothing is graded.
  void SetEpisodes(EpisodeLog* episodes) { episodes_ = episodes; }

  // Seen in passing: recorded as not enforced. Labels of flows come here, too.
  void OnName(const Observation& observation) override;

  void OnFlow(const FlowProgress& progress) override;

  // From now on nothing that is judged is really stopped, and it is recorded
  // so.
  void SetShadow(bool shadow) { shadow_ = shadow; }

  // For a packet that is held: the decision alone, so that the packet can go
  // on its way; valid until the next call. `enforced` when a block will really
  // stop it. Call Conclude when the packet is on its way.
  const rules::Decision& Judge(const Observation& observation, bool enforced);

  // The same for a held packet that shows its kind and no name: a VPN, an
  // encrypted question. A local resolver is never judged so: what it asks for
  // others is seen where they ask it.
  const rules::Decision& JudgeKind(const Observation& observation,
                                   std::string_view category);

  // The name that stands in for the one asked for (SafeSearch), empty: none.
  std::string_view RestrictedName(const Observation& observation);

  // The notice about a blocked name that its person sees on the spot.
  const Notice& NoticeOf(const Observation& observation,
                         const rules::Decision& decision);

  // "accident" or "wrong", said on the spot about a notice. False when there
  // is no such notice, or it was answered, or nobody can be told yet.
  bool TakeAnswer(const Observation& from, std::string_view token,
                  std::string_view kind);

  const NoticeBoard& notices() const { return notices_; }
  NoticeBoard& notices() { return notices_; }
  const Verdicts& verdicts() const { return verdicts_; }
  // Whose observation was judged last; valid until Settle.
  const Who& judged_who() const { return unsettled_.back().who; }

  // What was held has gone on its way. Records at once what /proc must be asked
  // about; the rest at the next name seen in passing or OnTime, as on a machine
  // with one processor those who were let go on still wait for it.
  void Conclude();

  // Records what was judged. May look into /proc and ask for the session.
  void Settle();

  // Now and then: records what was kept waiting, for its person too.
  void OnTime(int64_t now_us);

  // Before the end: nothing waits any more.
  void Finish(int64_t now_us);

  // Whether this name of a self-test was seen lately, and refused.
  bool SawTest(std::string_view name) const;
  bool RefusedTest(std::string_view name) const;

  // Names that a program made up, for technicians.
  std::optional<OddNames> TakeOddNames() { return shapes_.Take(); }

  WatchCounters counters() const;
  WitnessCounters witness() const { return witness_.counters(); }

 private:
  // The same packet is seen on several interfaces within microseconds; a
  // local resolver asks upstream within milliseconds.
  static constexpr int64_t kRepeatUs = 2'000'000;
  // How long a question of nobody known waits for the hello that tells: a slow
  // machine takes seconds from one to the other.
  static constexpr int64_t kHoldUs = 5'000'000;

  struct Seen {
    int64_t time_us = 0;
    bool well_known = false;
  };

  // What was judged and is still to be recorded.
  struct Judged {
    Observation observation;  // without ALPN; its name is in `name`
    std::string name;
    Who who;
    rules::Decision decision;
    bool enforced = false;
    bool repeat = false;
  };

  struct SeenTest {
    std::string name;
    bool refused = false;
  };

  // Who asked a resolver on this machine.
  struct StubAsker {
    Who who;
    int64_t time_us = 0;
  };

  const rules::Decision& JudgeFirst(const Observation& observation,
                                    const Who& who, bool enforced, bool repeat);
  static bool IsHit(const Judged& judged);
  static bool IsPersons(const Judged& judged);
  bool IsForSomebody(const Judged& judged) const;
  bool IsNamedPersons(const Judged& judged);
  void Hold(Judged judged);
  void NamePerson(const Judged& judged);
  void ReleaseHeld(int64_t now_us);
  void Count(const Observation& observation);
  void Record(Judged& judged);
  void OnLabel(const Observation& label);
  void LookForStranger(const Judged& judged);
  void Report(const Observation& flow, const FlowFinding& finding);
  void CountBulk(const FlowProgress& progress);
  void Notify(const Judged& judged, v1::ProcessKind process);
  void Keep(const Observation& observation, const Who& who,
            const rules::Decision& decision, bool enforced, bool repeat);
  const SeenTest* TestNamed(std::string_view name) const;
  void NoteTest(std::string_view name, bool refused);
  bool IsRepeat(const Observation& observation, const Who& who);
  bool IsTranslated(const Observation& observation, const Who& who);
  bool SeenLately(int64_t now_us);  // what is in key_; sets seen_
  void NoteStubQuestion(const Observation& observation, const Who& who);
  const StubAsker* AskedAtStub(const Observation& observation, const Who& who);

  Attribution& attribution_;
  Verdicts& verdicts_;
  ContactLog* contacts_;
  EpisodeLog* episodes_ = nullptr;
  NoticeBoard notices_;
  rules::Decision of_kind_;
  std::vector<Judged> unsettled_;
  RecentMap<std::string, Seen> packets_{2 * kRepeatUs, kMaxRecent};
  Seen* seen_ = nullptr;  // of the name that IsRepeat was asked about last
  RecentMap<std::string, StubAsker> stub_questions_{2 * kRepeatUs, kMaxRecent};
  std::deque<Judged> held_;  // until its person shows, oldest first
  RecentMap<std::string, int64_t> persons_{2 * kRepeatUs, kMaxRecent};
  FlowWitness witness_;
  NameShapes shapes_;
  BulkWatch bulk_;
  std::shared_ptr<const rules::Ruleset> bulk_rules_;  // whose threshold
  WatchCounters counters_;
  std::string key_;
  std::deque<SeenTest> tests_;  // names of self-tests, the latest last
  bool shadow_ = false;
};

}  // namespace schoolgate::agent
