#include "rules/bundle/category_index.h"

#include <algorithm>
#include <bit>

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

// Section "pages" begins with the pages of the index; those of the filter
// follow.
std::span<const uint8_t> PagesOfIndex(const IndexSections& sections) {
  const uint64_t bytes = PageGuard::DigestBytes(sections.index.size());
  return sections.pages.first(std::min<uint64_t>(bytes, sections.pages.size()));
}

}  // namespace

CategoryIndex::CategoryIndex(std::unique_ptr<const NameModel> model,
                             IndexDirectory directory,
                             const IndexSections& sections)
    : model_(std::move(model)),
      directory_(std::move(directory)),
      index_(sections.index),
      guard_(sections.index, PagesOfIndex(sections)),
      filter_bytes_(sections.filter),
      filter_(sections.filter,
              sections.pages.subspan(PagesOfIndex(sections).size())) {}

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
  if (!NameFilter::IsSize(sections.filter.size())) {
    return absl::InvalidArgumentError("section filter: is not well-formed");
  }
  if (!index->guard_.IsComplete() || !index->filter_.IsComplete()) {
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

// The set of a suffix that is not a root. kNoSet: it is not listed.
uint32_t CategoryIndex::SetOf(const CodedHost& coded,
                              const SuffixCode& suffix) const {
  const uint64_t number = suffix.place >> kPlaceBelowBucket;
  const uint64_t begin = directory_.BucketBegin(number);
  if (!guard_.Vouches(begin, kBucketHeadBytes)) return kNoSet;
  const BucketReader bucket(*model_, index_.subspan(begin), number);
  const auto whole = [&] {
    const uint64_t end = number + 1 < buckets()
                             ? directory_.BucketBegin(number + 1)
                             : index_.size();
    return end > begin && guard_.Vouches(begin, end - begin);
  };
  if (bucket.size() > kUncrowded && !whole()) return kNoSet;
  uint32_t from = 0, to = 0;
  bucket.FindCell(suffix.place >> kLowBits & (kCells - 1), &from, &to);
  const auto low = static_cast<uint8_t>(suffix.place);
  while (from < to && bucket.low(from) < low) ++from;
  while (from < to && bucket.low(to - 1) > low) --to;
  if (from == to || !whole()) return kNoSet;
  while (from < to) {
    const uint32_t middle = from + (to - from) / 2;
    const uint64_t at = bucket.TailAt(middle);
    if (at == 0) return kNoSet;
    uint64_t end = 0;
    const int order =
        CompareTail(*model_, bucket.bytes(), at, coded, suffix, &end);
    if (order == 0) {
      uint32_t set = kNoSet;
      return model_->ReadSet(bucket.bytes(), end, &set) != 0 ? set : kNoSet;
    }
    if (order < 0) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return kNoSet;
}

// Looks in the index for the suffixes that the filter lets through.
template <typename Visitor>
void CategoryIndex::Look(std::string_view name, bool is_address,
                         const SuffixHashes& suffixes,
                         const SuffixSet& possible, Visitor visit) const {
  const int longest = possible[1] != 0 ? 127 - std::countl_zero(possible[1])
                                       : 63 - std::countl_zero(possible[0]);
  const auto is_possible = [&](int i) {
    return (possible[i >> 6] >> (i & 63) & 1) != 0;
  };
  CodedHost coded;
  model_->Encode(name, is_address, suffixes, longest + 1, &coded, is_possible,
                 [&](const SuffixCode& suffix) {
                   const uint64_t bucket = suffix.place >> kPlaceBelowBucket;
                   const uint8_t* at =
                       index_.data() + directory_.BucketBegin(bucket);
                   __builtin_prefetch(at);
                   __builtin_prefetch(at + kLine);
                   __builtin_prefetch(at + 2 * kLine);
                 });
  for (int i = 0; i < coded.root_count; ++i) {
    const uint16_t set = directory_.root_set(coded.roots[i]);
    if (set != kNoSet) visit(coded.root_begins[i], set);
  }
  for (int i = 0; i < coded.suffix_count; ++i) {
    if (!is_possible(coded.root_count + i)) continue;
    const uint32_t set = SetOf(coded, coded.suffixes[i]);
    if (set != kNoSet) visit(coded.suffixes[i].begin, set);
  }
}

// Calls `visit(begin, set number)` for each listed suffix, shortest first.
template <typename Visitor>
void CategoryIndex::Walk(std::string_view name, bool is_address,
                         const SuffixHashes& suffixes, Visitor visit) const {
  SuffixSet possible = {0, 0};
  for (int i = 0; i < suffixes.count; ++i) {
    possible[i >> 6] |= uint64_t{filter_.MayHave(suffixes.hash[i])} << (i & 63);
  }
  if ((possible[0] | possible[1]) == 0) [[likely]]
    return;
  Look(name, is_address, suffixes, possible, visit);
}

CategorySet CategoryIndex::Categories(const HostName& host) const {
  CategorySet all;
  const auto& sets = directory_.sets();
  SuffixHashes suffixes;
  HashSuffixes(host, &suffixes);
  Walk(host.text(), host.is_address(), suffixes, [&](size_t, uint32_t set) {
    if (set < sets.size()) all.Add(sets[set]);
  });
  return all;
}

std::vector<CategoryMatch> CategoryIndex::Matches(const HostName& host) const {
  std::vector<std::string_view> longest(categories().size());
  const auto& sets = directory_.sets();
  SuffixHashes suffixes;
  HashSuffixes(host, &suffixes);
  Walk(host.text(), host.is_address(), suffixes,
       [&](size_t begin, uint32_t set) {
         if (set >= sets.size()) return;
         sets[set].ForEach([&](int category) {
           longest[category] = host.text().substr(begin);
         });
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
  const auto host = HostName::Parse(name);
  if (!host.has_value() || host->text() != name) return exact;
  const auto& sets = directory_.sets();
  SuffixHashes suffixes;
  HashSuffixes(*host, &suffixes);
  Walk(name, host->is_address(), suffixes, [&](size_t begin, uint32_t set) {
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
