#include "rules/bundle/model_training.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "rules/bundle/digest.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kRootsWanted = 4096;
constexpr uint32_t kRootUses = 16;        // below, its text costs more
constexpr size_t kEntriesPerBucket = 24;  // at most, on average
constexpr size_t kEntriesPerCluster = 4096;
constexpr size_t kClustersWanted = 1024;
constexpr int kRounds = 4;
constexpr size_t kCodedSetsLimit = 4096;

using Counts = std::array<uint32_t, kNameSymbols>;

absl::string_view Absl(std::string_view text) {
  return {text.data(), text.size()};
}

// 256 times the binary logarithm, by repeated squaring: no floating point.
uint32_t LogTimes256(uint64_t value) {
  const int whole = 63 - std::countl_zero(value);
  uint64_t mantissa = whole >= 31 ? value >> (whole - 31)
                                  : value << (31 - whole);  // in [2^31, 2^32)
  uint32_t fraction = 0;
  for (int i = 0; i < 8; ++i) {
    mantissa = mantissa * mantissa >> 31;
    fraction <<= 1;
    if (mantissa >> 32) {
      fraction |= 1;
      mantissa >>= 1;
    }
  }
  return static_cast<uint32_t>(whole) << 8 | fraction;
}

// The suffixes that most names stand under.
std::vector<std::string> ChooseRoots(std::span<const IndexEntry> entries) {
  absl::flat_hash_map<absl::string_view, uint32_t> uses;
  for (const IndexEntry& entry : entries) {
    if (IsAddress(entry.name)) continue;
    for (std::string_view above = ParentOf(entry.name); !above.empty();
         above = ParentOf(above)) {
      ++uses[Absl(above)];
    }
  }
  std::vector<std::pair<uint32_t, std::string_view>> often;
  for (const auto& [suffix, count] : uses) {
    if (count >= kRootUses) {
      often.emplace_back(count, std::string_view(suffix.data(), suffix.size()));
    }
  }
  // A suffix is used at least as often as what stands below it; where equally
  // often the shorter goes first: so roots above roots are roots.
  std::sort(often.begin(), often.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first > b.first;
    if (a.second.size() != b.second.size()) {
      return a.second.size() < b.second.size();
    }
    return a.second < b.second;
  });
  if (often.size() > kRootsWanted) often.resize(kRootsWanted);
  std::vector<std::string> roots;
  for (const auto& [count, suffix] : often) roots.emplace_back(suffix);
  std::sort(roots.begin(), roots.end());
  roots.insert(roots.begin(), {"", ":"});
  return roots;
}

struct Usage {
  std::vector<uint64_t> roots;
  std::vector<Counts> contexts;
};

Usage CountUsage(std::span<const IndexEntry> entries,
                 const std::vector<std::string>& roots) {
  Usage usage = {std::vector<uint64_t>(roots.size(), 0),
                 std::vector<Counts>(kContexts, Counts{})};
  absl::flat_hash_map<absl::string_view, int> number;
  for (size_t i = 2; i < roots.size(); ++i) {
    number[roots[i]] = static_cast<int>(i);
  }
  for (const IndexEntry& entry : entries) {
    std::string_view body = entry.name;
    int root = 0;
    if (IsAddress(entry.name)) {
      root = kAddressRoot;
    } else if (number.contains(Absl(entry.name))) {
      continue;  // stands beside the directory
    } else {
      for (size_t dot = body.find('.'); dot != std::string_view::npos;
           dot = body.find('.', dot + 1)) {
        const auto at = number.find(Absl(entry.name.substr(dot + 1)));
        if (at == number.end()) continue;
        root = at->second;
        body = entry.name.substr(0, dot);
        break;
      }
    }
    ++usage.roots[root];
    unsigned last = 0, second = 0, third = 0;
    const auto count = [&](uint8_t symbol) {
      ++usage.contexts[third * 1600 + second * 40 + last][symbol];
      third = second;
      second = last;
      last = symbol + 1u;
    };
    for (size_t i = body.size(); i-- > 0;) {
      count(kSymbolOf[static_cast<uint8_t>(body[i])]);
    }
    count(kEndSymbol);
  }
  return usage;
}

// Contexts that continue alike share a code: k-means with the bits that a
// context would cost under a cluster's code as distance.
class Clustering {
 public:
  Clustering(const std::vector<Counts>& contexts, size_t clusters)
      : contexts_(contexts), clusters_(clusters) {
    cluster_of_.assign(contexts.size(), 0);
    for (size_t i = 0; i < contexts.size(); ++i) {
      totals_.push_back(
          std::accumulate(contexts[i].begin(), contexts[i].end(), uint64_t{0}));
      if (totals_[i] > 0) used_.push_back(static_cast<uint32_t>(i));
    }
    std::stable_sort(used_.begin(), used_.end(), [&](uint32_t a, uint32_t b) {
      return totals_[a] > totals_[b];
    });
    clusters_ =
        std::clamp<size_t>(clusters_, 1, std::max<size_t>(used_.size(), 1));
    sums_.assign(clusters_, {});
    for (size_t c = 0; c < clusters_ && c < used_.size(); ++c) {
      for (int s = 0; s < kNameSymbols; ++s)
        sums_[c][s] = contexts[used_[c]][s];
    }
  }

  void Round() {
    std::vector<uint32_t> cost(kNameSymbols * clusters_);  // [symbol][cluster]
    for (size_t c = 0; c < clusters_; ++c) {
      uint64_t total = 0;
      for (const uint64_t sum : sums_[c]) total += sum * 16 + 1;
      for (int s = 0; s < kNameSymbols; ++s) {
        cost[s * clusters_ + c] =
            LogTimes256(total) - LogTimes256(sums_[c][s] * 16 + 1);
      }
    }
    std::vector<uint32_t> bits(clusters_);
    for (const uint32_t context : used_) {
      std::fill(bits.begin(), bits.end(), 0);
      for (int s = 0; s < kNameSymbols; ++s) {
        const uint32_t share = Share(context, s);
        if (share == 0) continue;
        const uint32_t* row = &cost[s * clusters_];
        for (size_t c = 0; c < clusters_; ++c) bits[c] += share * row[c];
      }
      cluster_of_[context] = static_cast<uint16_t>(
          std::min_element(bits.begin(), bits.end()) - bits.begin());
    }
    for (auto& sums : sums_) sums.fill(0);
    for (const uint32_t context : used_) {
      auto& sums = sums_[cluster_of_[context]];
      for (int s = 0; s < kNameSymbols; ++s) sums[s] += contexts_[context][s];
    }
  }

  const std::vector<uint16_t>& cluster_of() const { return cluster_of_; }
  const std::vector<std::array<uint64_t, kNameSymbols>>& sums() const {
    return sums_;
  }

 private:
  // Of a symbol in a context, out of 4096: keeps the sums in 32 bits.
  uint32_t Share(uint32_t context, int symbol) const {
    const uint64_t count = contexts_[context][symbol];
    if (count == 0) return 0;
    return static_cast<uint32_t>(
        std::max<uint64_t>(count * 4096 / totals_[context], 1));
  }

  const std::vector<Counts>& contexts_;
  size_t clusters_;
  std::vector<uint64_t> totals_;
  std::vector<uint32_t> used_;  // contexts that occur, most used first
  std::vector<uint16_t> cluster_of_;
  std::vector<std::array<uint64_t, kNameSymbols>> sums_;
};

uint64_t KeyOf(const ModelParts& parts) {
  std::string all;
  for (const std::string& root : parts.roots) all += root + "/";
  all.append(parts.root_lengths.begin(), parts.root_lengths.end());
  for (const auto& lengths : parts.cluster_lengths) {
    all.append(lengths.begin(), lengths.end());
  }
  return LoadLittle<uint64_t>(AsBytes(Digest(AsBytes(all))).data());
}

}  // namespace

ModelParts TrainModel(std::span<const IndexEntry> entries,
                      std::span<const uint64_t> set_uses) {
  ModelParts parts;
  while (parts.bucket_bits < kBucketBitsLimit &&
         entries.size() >> parts.bucket_bits >= kEntriesPerBucket) {
    ++parts.bucket_bits;
  }
  parts.roots = ChooseRoots(entries);
  const Usage usage = CountUsage(entries, parts.roots);
  parts.root_lengths = CodeLengths(usage.roots, kRootWordLimit);
  Clustering clustering(
      usage.contexts, std::clamp<size_t>(entries.size() / kEntriesPerCluster, 1,
                                         kClustersWanted));
  for (int i = 0; i < kRounds; ++i) clustering.Round();
  parts.cluster_of = clustering.cluster_of();
  for (const auto& sums : clustering.sums()) {
    std::array<uint64_t, kNameSymbols> weights;
    for (int s = 0; s < kNameSymbols; ++s) weights[s] = sums[s] * 16 + 1;
    const auto lengths = CodeLengths(weights, kSymbolWordLimit);
    std::copy(lengths.begin(), lengths.end(),
              parts.cluster_lengths.emplace_back().begin());
  }
  std::vector<uint64_t> set_weights = {1};
  for (const uint64_t uses :
       set_uses.first(std::min(set_uses.size(), kCodedSetsLimit))) {
    set_weights.push_back(uses);
  }
  parts.set_lengths = CodeLengths(set_weights, kSetWordLimit);
  parts.key = KeyOf(parts);
  return parts;
}

}  // namespace schoolgate::rules
