#include "rules/bundle/index_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/bundle/bucket.h"
#include "rules/bundle/little_endian.h"
#include "rules/bundle/model_training.h"

namespace schoolgate::rules {
namespace {

// Readers load eight bytes at once; the last bucket must not be the end.
constexpr size_t kIndexPadding = 16;
constexpr uint64_t kIndexBytesLimit = 0x7fffffff;

struct Placed {
  uint64_t place;
  uint32_t row;
  uint32_t set;
};

// The same set in another bundle's numbers of categories. Categories that are
// gone fall away.
CategorySet Translate(const CategorySet& set, const CategoryIndex& from,
                      const std::vector<std::string>& to) {
  CategorySet translated;
  set.ForEach([&](int category) {
    const std::string& id = from.categories()[category];
    const auto at = std::lower_bound(to.begin(), to.end(), id);
    if (at != to.end() && *at == id) {
      translated.Add(static_cast<int>(at - to.begin()));
    }
  });
  return translated;
}

// Writes the buckets of `placed`, which is sorted by place.
class BucketFile {
 public:
  BucketFile(const NameModel& model, const std::vector<IndexEntry>& entries)
      : model_(model), entries_(entries) {}

  absl::Status Write(std::span<const Placed> placed, DirectoryParts* parts,
                     std::string* index) {
    const uint64_t buckets = uint64_t{1} << model_.bucket_bits();
    size_t next = 0;
    for (uint64_t bucket = 0; bucket < buckets; ++bucket) {
      parts->bucket_begins.push_back(static_cast<uint32_t>(index->size()));
      const size_t begin = next;
      while (next < placed.size() &&
             placed[next].place >> kPlaceBelowBucket == bucket) {
        ++next;
      }
      if (next - begin > kBucketEntriesLimit) {
        return absl::ResourceExhaustedError(
            absl::StrCat("index: too many hosts like ",
                         std::string(entries_[placed[begin].row].name),
                         ": list the name above them instead"));
      }
      Fill(placed.subspan(begin, next - begin));
      AppendBucket(model_, bucket_, index);
      if (index->size() > kIndexBytesLimit) {
        return absl::ResourceExhaustedError(
            "index: is larger than 2 GiB: list fewer hosts");
      }
    }
    index->append(kIndexPadding, '\0');
    return absl::OkStatus();
  }

 private:
  void Fill(std::span<const Placed> placed) {
    bucket_.clear();
    for (const Placed& entry : placed) {
      BucketEntry& out = bucket_.emplace_back();
      const std::string_view name = entries_[entry.row].name;
      const BitRun tail = model_.TailOf(name, IsAddress(name), &out.place);
      out.tail = tail.Bytes();
      out.tail_bits = static_cast<uint32_t>(tail.size());
      out.set = entry.set;
    }
    std::sort(bucket_.begin(), bucket_.end());
  }

  const NameModel& model_;
  const std::vector<IndexEntry>& entries_;
  std::vector<BucketEntry> bucket_;
};

// What the base's filter lets through stays let through: it saves a device the
// work of making its filter from all names.
std::string MakeFilter(const std::vector<IndexEntry>& entries,
                       const CategoryIndex* base) {
  std::string filter = base != nullptr
                           ? std::string(AsText(base->filter_bytes()))
                           : EmptyFilter(entries.size());
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(filter.data()),
                                 filter.size());
  for (const IndexEntry& entry : entries) {
    const uint64_t hash = HashName(entry.name, IsAddress(entry.name));
    for (const uint64_t bit : FilterBitsIn(bytes.size(), hash)) {
      SetBit(bit, bytes);
    }
  }
  return filter;
}

}  // namespace

IndexSections IndexBytes::sections() const {
  return {AsBytes(model), AsBytes(directory), AsBytes(index), AsBytes(filter),
          AsBytes(pages)};
}

SetNumbers::SetNumbers(const std::vector<std::string>& categories,
                       const std::map<CategorySet, uint64_t>& uses,
                       const CategoryIndex* base) {
  const auto add = [&](const CategorySet& set) {
    number_.emplace(set, static_cast<uint32_t>(sets_.size()));
    sets_.push_back(set);
  };
  if (base != nullptr) {
    for (const CategorySet& set : base->directory().sets()) {
      add(Translate(set, *base, categories));
    }
    for (const auto& [set, count] : uses) {
      if (!number_.contains(set)) add(set);
    }
    return;
  }
  std::vector<std::pair<uint64_t, CategorySet>> order;
  for (const auto& [set, count] : uses) order.emplace_back(count, set);
  std::stable_sort(
      order.begin(), order.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [count, set] : order) add(set);
}

absl::StatusOr<IndexBytes> BuildIndex(
    const std::vector<std::string>& categories,
    const std::vector<IndexEntry>& entries, const CategoryIndex* base) {
  std::map<CategorySet, uint64_t> uses;
  for (const IndexEntry& entry : entries) ++uses[entry.set];
  const SetNumbers numbers(categories, uses, base);
  if (numbers.sets().size() >= kNoSet) {
    return absl::ResourceExhaustedError(
        "index: has too many different sets of categories: join some lists");
  }
  std::unique_ptr<const NameModel> fitted;
  if (base == nullptr) {
    std::vector<uint64_t> set_uses;
    for (const CategorySet& set : numbers.sets()) {
      set_uses.push_back(uses[set]);
    }
    auto model = NameModel::Make(TrainModel(entries, set_uses));
    if (!model.ok()) return model.status();
    fitted = *std::move(model);
  }
  const NameModel& model = base != nullptr ? base->model() : *fitted;
  DirectoryParts parts;
  parts.entries = entries.size();
  parts.categories = categories;
  parts.sets = numbers.sets();
  std::vector<Placed> placed;
  placed.reserve(entries.size());
  for (uint32_t row = 0; row < entries.size(); ++row) {
    const std::string_view name = entries[row].name;
    const uint32_t set = numbers.NumberOf(entries[row].set);
    const int root = model.RootNumber(name);
    if (root >= 0) {
      parts.root_sets[static_cast<uint16_t>(root)] = static_cast<uint16_t>(set);
      continue;
    }
    placed.push_back({model.PlaceOfName(name, IsAddress(name)), row, set});
  }
  std::sort(placed.begin(), placed.end(),
            [](const auto& a, const auto& b) { return a.place < b.place; });
  IndexBytes bytes;
  auto status = BucketFile(model, entries).Write(placed, &parts, &bytes.index);
  if (!status.ok()) return status;
  bytes.model = model.Serialise();
  bytes.directory = SerialiseDirectory(parts);
  bytes.filter = MakeFilter(entries, base);
  bytes.pages = PageGuard::DigestsOf(AsBytes(bytes.index)) +
                PageGuard::DigestsOf(AsBytes(bytes.filter));
  return bytes;
}

}  // namespace schoolgate::rules
