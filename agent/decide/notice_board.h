// What people on this device are to be told about names that were blocked, or
// that they were warned of: the last few for each, until they are fetched.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decide/recent_map.h"
#include "rules/decide.h"

namespace schoolgate::agent {

struct Notice {
  uint64_t id = 0;      // rises, within one run of the agent
  int64_t time_us = 0;  // since 1970
  std::string host;     // empty: illegal material, not named on any screen
  bool warn = false;    // open, with a warning; else blocked
  std::string heading;  // of what is about no host; then `reason` is all of it
  std::string reason;
  std::string clause;
  std::string help;   // whom to talk to, in the policy's words
  std::string token;  // proves that who speaks of it has seen it
  bool pops_up = false;
  bool answered = false;  // the person has said something about it
};

// Not thread-safe; told the time.
class NoticeBoard {
 public:
  // At most one notice a site and person within this time.
  static constexpr int64_t kQuietUs = 60'000'000;
  // A name that follows another site's within this time was brought in by a
  // page, not asked for by a person.
  static constexpr int64_t kBroughtInUs = 1'000'000;
  static constexpr size_t kMostPeople = 64;   // the longest unseen goes first
  static constexpr size_t kMostNotices = 32;  // a person; the oldest go first

  // Any name that somebody's program asked for.
  void OnName(uint32_t uid, std::string_view host, int64_t now_us);

  // A warned or blocked name. Gives the notice about it: a new one, or that of
  // the last minute. Valid until the next call. `by_person`: a browser asked,
  // so it may pop up, if nothing else brought it in.
  Notice& Put(uint32_t uid, std::string_view host,
              const rules::Decision& decision, std::string help, bool by_person,
              int64_t now_us);

  // Something else that this person is to be told; it pops up.
  void Tell(uint32_t uid, std::string heading, std::string words,
            int64_t now_us);

  // What pops up for this person, newer than `id`.
  std::vector<const Notice*> After(uint32_t uid, uint64_t id) const;

  uint64_t last_id() const { return last_id_; }

  // Null when there is none.
  Notice* ByToken(uint32_t uid, std::string_view token);

 private:
  struct Person {
    std::deque<Notice> notices;
    // The last two sites, newest first, and when each was first asked for.
    std::string sites[2];
    int64_t since_us[2] = {0, 0};
    int64_t last_us[2] = {0, 0};
    uint64_t used = 0;  // rises with each use
  };

  Person& PersonOf(uint32_t uid);
  bool BroughtIn(const Person& person, std::string_view site,
                 int64_t now_us) const;

  std::map<uint32_t, Person> people_;
  uint64_t uses_ = 0;
  uint64_t last_id_ = 0;
};

}  // namespace schoolgate::agent
