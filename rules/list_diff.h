// Which hosts a new bundle lists and no longer lists, and for whom that makes
// them looser or tighter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {

// Hosts of one category that are listed in one bundle and neither themselves
// nor by a name above them in the other.
struct ListChange {
  std::string category;
  bool added = false;
  uint64_t hosts = 0;
  std::vector<std::string> examples;    // a few; none of a locked list
  std::vector<std::string> looser_for;  // titles of groups
  std::vector<std::string> tighter_for;
  std::vector<std::string> same_for;
};

// By category, added before removed. For whom is asked for a host of that one
// category, on site, at `at`. Needs no memory for the lists, and half a second
// a million hosts. DATA_LOSS: a bundle is damaged.
absl::StatusOr<std::vector<ListChange>> CompareLists(const Ruleset& before,
                                                     const Ruleset& after,
                                                     absl::Time at);

// "List gambling: 2 hosts added (a.example, b.example): tighter for everybody
// but unknown users."
std::string SentenceOf(const ListChange& change);

}  // namespace schoolgate::rules
