#include "collector/detect/facts.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"

namespace schoolgate::collector {
namespace {

struct FactRow {
  std::string_view fact;
  std::string_view towards;
  std::string_view against;
};

// The same ids as in the device's points table; see docs/detection.md.
constexpr auto kRows = std::to_array<FactRow>({
    {"pause", "first host contacted after a pause",
     "no pause before it: other hosts were contacted just before"},
    {"crowd", "", "several other sites were contacted in the seconds before"},
    {"name", "the site's main address",
     "a name that other sites' pages use for parts of a page"},
    {"hop", "reached through a single other site", ""},
    {"busy", "", "another open page was loading just before"},
    {"unembedded", "other sites' pages are not known to bring it in", ""},
    {"explained", "", "a page contacted just before is known to bring it in"},
    {"parallel", "several connections at once, as when a page is opened",
     "only a single connection"},
    {"companions", "the site's own other hosts followed", ""},
    {"quiet", "nothing else was contacted right after",
     "many other hosts were contacted right after"},
    {"received", "much was received", "little was received"},
    {"regular", "", "it comes at regular intervals, as programs do"},
    {"lookup_only", "", "only looked up, never connected"},
    {"process", "", "a background program, not a browser"},
});

constexpr size_t kMostFacts = 3;

std::string Facts(const v1::Episode& episode, bool towards) {
  std::vector<std::pair<int, std::string_view>> facts;
  for (const v1::Evidence& row : episode.evidence()) {
    if ((row.half_points() > 0) != towards || row.half_points() == 0) continue;
    std::string_view words = FactWords(row.fact(), towards);
    if (!words.empty()) facts.emplace_back(std::abs(row.half_points()), words);
  }
  std::stable_sort(facts.begin(), facts.end(),
                   [](auto& a, auto& b) { return a.first > b.first; });
  if (facts.size() > kMostFacts) facts.resize(kMostFacts);
  return absl::StrJoin(facts, "; ", [](std::string* out, auto& fact) {
    out->append(fact.second);
  });
}

}  // namespace

std::string_view FactWords(std::string_view fact, bool speaks_for_intent) {
  for (const FactRow& row : kRows) {
    if (row.fact == fact) return speaks_for_intent ? row.towards : row.against;
  }
  return {};
}

std::string FactsFor(const v1::Episode& episode) {
  return Facts(episode, true);
}

std::string FactsAgainst(const v1::Episode& episode) {
  return Facts(episode, false);
}

}  // namespace schoolgate::collector
