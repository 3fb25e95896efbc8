// What is known of pages: which sites other sites' pages bring in, and which
// page brings in which site. Facts for grading contacts, never a rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// Sites are registrable names: "facebook.com". Immutable and thread-safe.
class PageKnowledge {
 public:
  static constexpr size_t kMostEntries = 1'000'000;

  PageKnowledge() = default;
  // Sorted 64-bit little-endian numbers as PackIds writes them. What is longer
  // than kMostEntries, or no whole number of them, is not read: nothing is
  // known then.
  explicit PageKnowledge(const v1::PageKnowledge& packed);

  // Whether there is anything to say about which sites are embedded at all.
  bool knows_embeds() const { return !embedded_.empty(); }
  bool knows_pairs() const { return !pairs_.empty(); }

  // Other sites' pages are known to bring the site in.
  bool IsEmbedded(std::string_view site) const;

  // The page, by its site's id, is known to bring in the site of that id.
  bool BringsIn(uint64_t page, uint64_t site) const;

  // Two sites of one id (1 in 2^64) only blur a fact.
  static uint64_t Id(std::string_view site);
  static uint64_t PairId(uint64_t page, uint64_t site);

 private:
  std::vector<uint64_t> embedded_, pairs_;
};

// Sorted, each once, 8 bytes little-endian each.
std::string PackIds(std::vector<uint64_t> ids);

}  // namespace schoolgate::rules
