#include "rules/bundle/prefix_code.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <utility>

#include "platform/check.h"

namespace schoolgate::rules {
namespace {

// Depth of each symbol in a Huffman tree. Ties go to the lower node number,
// so that the tree is the same everywhere.
std::vector<int> TreeDepths(std::span<const uint64_t> weights) {
  using Node = std::pair<uint64_t, uint32_t>;
  std::priority_queue<Node, std::vector<Node>, std::greater<>> open;
  const auto leaves = static_cast<uint32_t>(weights.size());
  for (uint32_t i = 0; i < leaves; ++i) {
    open.emplace(std::max<uint64_t>(weights[i], 1), i);
  }
  std::vector<uint32_t> parent(2 * size_t{leaves} - 1, 0);
  uint32_t next = leaves;
  while (open.size() > 1) {
    const Node first = open.top();
    open.pop();
    const Node second = open.top();
    open.pop();
    parent[first.second] = parent[second.second] = next;
    open.emplace(first.first + second.first, next++);
  }
  std::vector<int> depth(parent.size(), 0);
  for (size_t i = parent.size() - 1; i-- > 0;) {
    depth[i] = depth[parent[i]] + 1;
  }
  depth.resize(leaves);
  return depth;
}

}  // namespace

std::vector<uint8_t> CodeLengths(std::span<const uint64_t> weights, int limit) {
  SG_CHECK(!weights.empty() && limit <= kCodeLengthLimit);
  SG_CHECK(weights.size() <= size_t{1} << limit);
  if (weights.size() == 1) return {1};
  std::vector<int> depth = TreeDepths(weights);
  // Cut what is too deep, then pay the overdraft by deepening the cheapest
  // symbols, and give back what is left over to the dearest.
  std::vector<uint32_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return weights[a] < weights[b];
  });
  const uint64_t whole = uint64_t{1} << limit;
  uint64_t spent = 0;
  for (int& d : depth) {
    d = std::min(d, limit);
    spent += whole >> d;
  }
  while (spent > whole) {
    for (const uint32_t symbol : order) {
      if (depth[symbol] == limit) continue;
      spent -= (whole >> depth[symbol]) - (whole >> (depth[symbol] + 1));
      ++depth[symbol];
      if (spent <= whole) break;
    }
  }
  for (bool changed = true; changed && spent < whole;) {
    changed = false;
    for (size_t i = order.size(); i-- > 0;) {
      int& d = depth[order[i]];
      if (d > 1 && (whole >> d) <= whole - spent) {
        spent += whole >> d;
        --d;
        changed = true;
      }
    }
  }
  return std::vector<uint8_t>(depth.begin(), depth.end());
}

bool IsCompleteCode(std::span<const uint8_t> lengths, int limit) {
  if (lengths.empty()) return false;
  if (lengths.size() == 1) return lengths[0] == 1;
  uint64_t spent = 0;
  for (const uint8_t length : lengths) {
    if (length < 1 || length > limit) return false;
    spent += uint64_t{1} << (limit - length);
  }
  return spent == uint64_t{1} << limit;
}

std::vector<uint32_t> CodeWords(std::span<const uint8_t> lengths) {
  std::array<uint32_t, kCodeLengthLimit + 2> next = {};
  std::array<uint32_t, kCodeLengthLimit + 2> count = {};
  for (const uint8_t length : lengths) ++count[length];
  uint32_t word = 0;
  for (int n = 1; n <= kCodeLengthLimit; ++n) {
    next[n] = word;
    word = (word + count[n]) << 1;
  }
  std::vector<uint32_t> words(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) words[i] = next[lengths[i]]++;
  return words;
}

WordReader::WordReader(std::span<const uint8_t> lengths) {
  symbols_.resize(lengths.size());
  std::array<uint32_t, kCodeLengthLimit + 1> count = {};
  for (const uint8_t length : lengths) ++count[length];
  std::array<uint32_t, kCodeLengthLimit + 1> next;
  shortest_ = kCodeLengthLimit;
  uint32_t value = 0;
  uint32_t placed = 0;
  for (int n = 1; n <= kCodeLengthLimit; ++n) {
    base_[n] = value;
    first_[n] = next[n] = placed;
    placed += count[n];
    value += count[n] << (kCodeLengthLimit - n);
    limit_[n] = value;
    if (count[n] > 0) {
      shortest_ = std::min(shortest_, n);
      longest_ = n;
    }
  }
  for (size_t i = 0; i < lengths.size(); ++i) {
    symbols_[next[lengths[i]]++] = static_cast<uint16_t>(i);
  }
}

}  // namespace schoolgate::rules
