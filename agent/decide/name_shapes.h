// Names that no person types: those that malware makes up by the dozen (DGA),
// and data carried inside questions to one zone (a tunnel in DNS). A matter for
// technicians: it says something of a device's programs, nothing of a person,
// and no name goes along.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace schoolgate::agent {

struct OddNames {
  std::string kind;    // "random_names", "name_tunnel"
  std::string detail;  // "15 made-up names within 10 minutes": never a name
};

// Not thread-safe. Memory is fixed; what does not fit pushes out the oldest.
class NameShapes {
 public:
  static constexpr int64_t kWindowUs = 600'000'000;  // 10 minutes
  // Sites with a made-up look, of which so many within the window are no
  // chance: 1 in 100 ordinary sites has it.
  static constexpr size_t kRandomSites = 15;
  static constexpr size_t kMostRandomSites = 64;
  // Long names below one site, all different, and their bytes.
  static constexpr size_t kLongNames = 60;
  static constexpr size_t kLongBytes = 6000;
  static constexpr size_t kMostZones = 32;
  // One word each hour while it goes on.
  static constexpr int64_t kQuietUs = 3'600'000'000;

  // A name that was asked for: lower case, no trailing dot.
  void OnQuestion(std::string_view name, int64_t time_us);

  // What was found since the last call; once for each.
  std::optional<OddNames> Take();

 private:
  struct Zone {
    uint64_t site = 0;  // hash
    int64_t begun_us = 0, told_us = 0;
    size_t bytes = 0;
    std::vector<uint64_t> names;  // hashes, at most kLongNames
  };

  void NoteRandom(std::string_view site, int64_t time_us);
  void NoteLong(std::string_view name, std::string_view site, int64_t time_us);

  std::deque<std::pair<int64_t, uint64_t>> random_;  // when, hash of the site
  int64_t told_random_us_ = 0;
  std::deque<Zone> zones_;
  std::deque<OddNames> found_;
};

// Whether the first label of a site looks made up: long, and letters, digits or
// consonants follow one another as in no language.
bool LooksMadeUp(std::string_view site);

}  // namespace schoolgate::agent
