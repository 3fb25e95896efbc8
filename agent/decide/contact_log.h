// Policy hits become Contact events: the first at once, repeats within a few
// seconds counted instead of told again.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "agent/decide/attribution.h"
#include "agent/decide/event_sink.h"
#include "agent/decide/identity.h"
#include "agent/decide/own_record.h"
#include "agent/decide/recent_map.h"
#include "agent/observe/observation.h"
#include "rules/decide.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the sink for its life.
class ContactLog {
 public:
  ContactLog(Identity identity, EventSink& sink);

  // One policy hit. `enforced`: the packet was really stopped or passed by
  // this verdict, not only watched. Allowed and never-log decisions must not
  // be brought here. A flow without a name has its protocol in place of a
  // host.
  void Note(const Observation& observation, const Who& who,
            const rules::Decision& decision, v1::ProcessKind process,
            rules::Place place, bool enforced);

  // What a person says of it themselves; tied to their last contact with that
  // host, if that was within some minutes.
  void NoteReport(v1::SelfReport::Kind kind, const std::string& host,
                  const std::string& words, const Who& who, int64_t time_us);

  // The aliases of those whose log-ins belong on this device; none: it is
  // nobody's own, and nobody is a stranger.
  void SetAssigned(std::set<std::string> aliases);

  // Whether this is somebody else's log-in on a device that is one person's,
  // and it is time to look whether they sit there. Cheap for everybody else.
  bool IsStranger(const Who& who, int64_t time_us);

  // They do: their log-in goes along, sealed, and it stands in their record.
  void NoteStranger(const Who& who, int64_t time_us);

  // Who has read the school's notice.
  void NoteNotice(const std::string& version, const Who& who, int64_t time_us);

  // From before a restart; what it kept is put before what is kept now.
  OwnRecord& own_record() { return own_record_; }
  const OwnRecord& own_record() const { return own_record_; }

  uint64_t contacts() const { return contacts_; }
  uint64_t merged() const { return merged_; }
  uint64_t forgotten() const { return own_record_.forgotten(); }

 private:
  // A browser asks for A, AAAA and HTTPS, says the name in its hello, and
  // reloads an error page after 1.1 and 5.0 s: one contact.
  static constexpr int64_t kMergeUs = 8'000'000;
  // File sharing opens hundreds of flows, each of which gets its label.
  static constexpr int64_t kMergeFlowsUs = 300'000'000;
  static constexpr size_t kMaxOpen = 4096;
  // Who has asked for nothing this long has logged in anew when they do.
  static constexpr int64_t kNewSittingUs = 4 * 3'600'000'000;
  // A screen that is locked, or in the background, is looked at again.
  static constexpr int64_t kLookAgainUs = 60'000'000;
  static constexpr size_t kMaxStrangers = 64;

  struct Open {
    int64_t first_us = 0;
    uint32_t merged = 0;
    uint64_t number = 0;  // of the event; see EventSink
  };

  struct Stranger {
    bool is = false;  // else their log-in belongs here
    int64_t seen_us = 0;
    int64_t look_us = 0;  // not before
  };

  uint64_t LastAbout(const Who& who, const std::string& host, int64_t now_us);
  void TellWho(const Who& who, int64_t time_us);
  v1::Person PersonOf(const Who& who) const;

  const Identity identity_;
  EventSink& sink_;
  RecentMap<std::string, Open> open_{600'000'000, kMaxOpen};
  std::set<std::string> told_;  // pseudonyms whose log-in was sent
  std::set<std::string> assigned_;
  std::map<uint32_t, Stranger> strangers_;  // and owners; by uid
  OwnRecord own_record_;
  uint64_t contacts_ = 0;  // also the last one's number
  uint64_t merged_ = 0;
};

}  // namespace schoolgate::agent
