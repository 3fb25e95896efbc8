#include "rules/bundle/category_index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/bundle/bucket.h"

namespace schoolgate::rules {
namespace {

// Size, cell map and low bytes of all but crowded buckets.
constexpr uint64_t kBucketHeadBytes = 160;
constexpr uint32_t kUncrowded = 0x7f;
constexpr uint64_t kLine = 64;

// How the stored tail at bit `at` compares with the tail of a suffix: below,
// above or 0. *end is the bit behind a tail that is equal.
int CompareTail(const NameModel& model, std::span<const uint8_t> bytes,
                uint64_t at, const CodedHost& coded, const SuffixCode& suffix,
                uint64_t* end) {
  const int place_bits = model.place_bits();
  int from = place_bits;
  const auto compare = [&](uint64_t wanted, int bits) {
    const uint64_t found = BitsAt(bytes, at) >> (64 - bits);
    at += static_cast<uint64_t>(bits);
    return found == wanted ? 0 : found < wanted ? -1 : 1;
  };
  while (from < suffix.bits) {
    const int bits = std::min(suffix.bits - from, 56);
    const int order = compare(coded.BitsAt(from) >> (64 - bits), bits);
    if (order != 0) return order;
    from += bits;
  }
  const int implied = std::max(place_bits - int{suffix.bits}, 0);
  if (implied < suffix.end_length) {
    const int bits = suffix.end_length - implied;
    const int order = compare(suffix.end_word & ((1u << bits) - 1), bits);
    if (order != 0) return order;
  }
  const int size =
      std::max(int{suffix.bits} + suffix.end_length, place_bits) - place_bits;
  if (size < kSpreadBits) {
    const int order = compare(0, kSpreadBits - size);
    if (order != 0) return order;
  }
  *end = at;
  return 0;
}

}  // namespace

CategoryIndex::CategoryIndex(std::unique_ptr<const NameModel> model,
                             IndexDirectory directory,
                             const IndexSections& sections)
    : model_(std::move(model)),
      directory_(std::move(directory)),
      index_(sections.index),
      guard_(sections.index, sections.pages) {}

absl::StatusOr<std::unique_ptr<CategoryIndex>> CategoryIndex::Open(
    const IndexSections& sections) {
  auto model = NameModel::Parse(sections.model);
  if (!model.ok()) return model.status();
  auto directory = IndexDirectory::Parse(
      sections.directory, uint64_t{1} << (*model)->bucket_bits(),
      (*model)->parts().roots.size(), sections.index.size());
  if (!directory.ok()) return directory.status();
  std::unique_ptr<CategoryIndex> index(
      new CategoryIndex(*std::move(model), *std::move(directory), sections));
  if (!index->guard_.IsComplete()) {
    return absl::InvalidArgumentError("section pages: is not well-formed");
  }
  return index;
}

int CategoryIndex::CategoryNumber(std::string_view id) const {
  const auto& ids = categories();
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  if (at == ids.end() || *at != id) return -1;
  return static_cast<int>(at - ids.begin());
}

// Looks for the suffixes `first` to `last`, which share a place.
template <typename Visitor>
void CategoryIndex::Probe(const CodedHost& coded, int first, int last,
                          Visitor visit) const {
  const uint64_t place = coded.suffixes[first].place;
  const uint64_t number = place >> kPlaceBelowBucket;
  const uint64_t begin = directory_.BucketBegin(number);
  if (!guard_.Vouches(begin, kBucketHeadBytes)) return;
  const BucketReader bucket(*model_, index_.subspan(begin), number);
  const auto whole = [&] {
    const uint64_t end = number + 1 < buckets()
                             ? directory_.BucketBegin(number + 1)
                             : index_.size();
    return end > begin && guard_.Vouches(begin, end - begin);
  };
  if (bucket.size() > kUncrowded && !whole()) return;
  uint32_t entry = 0, end = 0;
  bucket.FindCell(place >> kLowBits & (kCells - 1), &entry, &end);
  const auto low = static_cast<uint8_t>(place);
  while (entry < end && bucket.low(entry) < low) ++entry;
  uint32_t same = entry;
  while (same < end && bucket.low(same) == low) ++same;
  if (entry == same || !whole()) return;
  for (int i = first; i <= last; ++i) {
    uint32_t from = entry, to = same;
    while (from < to) {
      const uint32_t middle = from + (to - from) / 2;
      const uint64_t at = bucket.TailAt(middle);
      if (at == 0) return;
      uint64_t tail_end = 0;
      const int order = CompareTail(*model_, bucket.bytes(), at, coded,
                                    coded.suffixes[i], &tail_end);
      if (order == 0) {
        uint32_t set = 0;
        if (model_->ReadSet(bucket.bytes(), tail_end, &set) != 0) {
          visit(coded.suffixes[i].begin, set);
        }
        break;
      }
      if (order < 0) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
  }
}

// Calls `visit(begin, set number)` for each listed suffix, shortest first.
template <typename Visitor>
void CategoryIndex::Walk(std::string_view name, bool is_address,
                         Visitor visit) const {
  CodedHost coded;
  uint64_t fetched = ~uint64_t{0};
  model_->Encode(name, is_address, &coded, [&](const SuffixCode& suffix) {
    const uint64_t bucket = suffix.place >> kPlaceBelowBucket;
    if (bucket == fetched) return;
    fetched = bucket;
    const uint8_t* at = index_.data() + directory_.BucketBegin(bucket);
    __builtin_prefetch(at);
    __builtin_prefetch(at + kLine);
  });
  for (int i = 0; i < coded.root_count; ++i) {
    const uint16_t set = directory_.root_set(coded.roots[i]);
    if (set != kNoSet) visit(coded.root_begins[i], set);
  }
  for (int first = 0; first < coded.suffix_count;) {
    int last = first;
    while (last + 1 < coded.suffix_count &&
           coded.suffixes[last + 1].place == coded.suffixes[first].place) {
      ++last;
    }
    Probe(coded, first, last, visit);
    first = last + 1;
  }
}

CategorySet CategoryIndex::Categories(const HostName& host) const {
  CategorySet all;
  const auto& sets = directory_.sets();
  Walk(host.text(), host.is_address(), [&](size_t, uint32_t set) {
    if (set < sets.size()) all.Add(sets[set]);
  });
  return all;
}

std::vector<CategoryMatch> CategoryIndex::Matches(const HostName& host) const {
  std::vector<std::string_view> longest(categories().size());
  const auto& sets = directory_.sets();
  Walk(host.text(), host.is_address(), [&](size_t begin, uint32_t set) {
    if (set >= sets.size()) return;
    sets[set].ForEach(
        [&](int category) { longest[category] = host.text().substr(begin); });
  });
  std::vector<CategoryMatch> matches;
  for (size_t i = 0; i < longest.size(); ++i) {
    if (longest[i].empty()) continue;
    matches.push_back({static_cast<int>(i), longest[i]});
  }
  return matches;
}

CategorySet CategoryIndex::Exact(std::string_view name) const {
  CategorySet exact;
  const auto& sets = directory_.sets();
  Walk(name, IsAddress(name), [&](size_t begin, uint32_t set) {
    if (begin == 0 && set < sets.size()) exact = sets[set];
  });
  return exact;
}

std::span<const uint8_t> CategoryIndex::BucketBytes(uint64_t bucket) const {
  const uint64_t begin = directory_.BucketBegin(bucket);
  const uint64_t end = bucket + 1 < buckets()
                           ? directory_.BucketBegin(bucket + 1)
                           : index_.size();
  if (end <= begin || !guard_.Vouches(begin, end - begin)) return {};
  return index_.subspan(begin, end - begin);
}

absl::Status CategoryIndex::ForEachEntry(
    const std::function<void(const IndexEntry&)>& visit) const {
  const auto& sets = directory_.sets();
  const auto damaged = [](uint64_t bucket) {
    return absl::DataLossError(absl::StrCat("section index: bucket ", bucket,
                                            " is damaged: fetch it again"));
  };
  const auto& roots = model_->parts().roots;
  for (size_t root = 0; root < roots.size(); ++root) {
    const uint16_t set = directory_.root_set(static_cast<uint16_t>(root));
    if (set != kNoSet) visit({roots[root], sets[set]});
  }
  std::vector<BucketEntry> entries;
  std::string name;
  for (uint64_t bucket = 0; bucket < buckets(); ++bucket) {
    const auto bytes = BucketBytes(bucket);
    if (bytes.empty()) return damaged(bucket);
    entries.clear();
    if (!BucketReader(*model_, bytes, bucket).ReadAll(&entries)) {
      return damaged(bucket);
    }
    for (const BucketEntry& entry : entries) {
      const std::span<const uint8_t> tail(
          reinterpret_cast<const uint8_t*>(entry.tail.data()),
          entry.tail.size());
      if (model_->ReadTail(tail, 0, entry.place, &name) == 0 ||
          entry.set >= sets.size()) {
        return damaged(bucket);
      }
      visit({name, sets[entry.set]});
    }
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
