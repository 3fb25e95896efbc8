#include "rules/bundle/category_index.h"

#include <algorithm>

#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

absl::Status Malformed() {
  return absl::InvalidArgumentError("section index: is not well-formed");
}

// Names in ascending order behind a table of their ends and sets.
class SortedIndex : public CategoryIndex {
 public:
  absl::Status Read(std::span<const uint8_t> bytes) {
    if (bytes.size() < 8) return Malformed();
    const auto count = LoadLittle<uint32_t>(&bytes[0]);
    const auto categories = LoadLittle<uint32_t>(&bytes[4]);
    bytes = bytes.subspan(8);
    for (uint32_t i = 0; i < categories; ++i) {
      if (bytes.empty() || bytes.size() - 1 < bytes[0]) return Malformed();
      categories_.emplace_back(AsText(bytes.subspan(1, bytes[0])));
      bytes = bytes.subspan(1 + bytes[0]);
    }
    if (categories > kCategoryLimit) return Malformed();
    if (bytes.size() / 20 < count) return Malformed();
    count_ = count;
    rows_ = bytes.first(size_t{20} * count);
    names_ = AsText(bytes.subspan(rows_.size()));
    return absl::OkStatus();
  }

  uint64_t entries() const override { return count_; }

  CategorySet Categories(const HostName& host) const override {
    CategorySet all;
    for (std::string_view at = host.text(); !at.empty();
         at = host.is_address() ? "" : ParentOf(at)) {
      all.Add(Exact(at));
    }
    return all;
  }

  std::vector<CategoryMatch> Matches(const HostName& host) const override {
    std::vector<CategoryMatch> matches;
    CategorySet seen;
    for (std::string_view at = host.text(); !at.empty();
         at = host.is_address() ? "" : ParentOf(at)) {
      CategorySet found = Exact(at);
      found.Remove(seen);
      seen.Add(found);
      found.ForEach([&](int category) { matches.push_back({category, at}); });
    }
    std::sort(matches.begin(), matches.end(), [](const auto& a, const auto& b) {
      return a.category < b.category;
    });
    return matches;
  }

  void ForEach(
      const std::function<bool(const IndexEntry&)>& visit) const override {
    for (size_t row = 0; row < count_; ++row) {
      if (!visit({NameAt(row), SetAt(row)})) return;
    }
  }

 private:
  std::string_view NameAt(size_t row) const {
    const size_t begin =
        row == 0 ? 0 : LoadLittle<uint32_t>(&rows_[20 * (row - 1)]);
    const size_t end = LoadLittle<uint32_t>(&rows_[20 * row]);
    if (begin > end || end > names_.size()) return {};
    return names_.substr(begin, end - begin);
  }

  CategorySet Exact(std::string_view name) const {
    size_t low = 0, high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (NameAt(middle) < name) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low < count_ && NameAt(low) == name) return SetAt(low);
    return {};
  }

  CategorySet SetAt(size_t row) const {
    CategorySet set;
    set.words()[0] = LoadLittle<uint64_t>(&rows_[20 * row + 4]);
    set.words()[1] = LoadLittle<uint64_t>(&rows_[20 * row + 12]);
    return set;
  }

  size_t count_ = 0;
  std::span<const uint8_t> rows_;
  std::string_view names_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CategoryIndex>> CategoryIndex::Open(
    std::span<const uint8_t> section) {
  auto index = std::make_unique<SortedIndex>();
  if (auto status = index->Read(section); !status.ok()) return status;
  return index;
}

int CategoryIndex::CategoryNumber(std::string_view id) const {
  const auto at = std::lower_bound(categories_.begin(), categories_.end(), id);
  if (at == categories_.end() || *at != id) return -1;
  return static_cast<int>(at - categories_.begin());
}

std::string BuildIndex(const std::vector<std::string>& categories,
                       const std::vector<IndexEntry>& entries) {
  std::vector<IndexEntry> sorted = entries;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::string bytes, names;
  AppendLittle<uint32_t>(static_cast<uint32_t>(sorted.size()), &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(categories.size()), &bytes);
  for (const std::string& id : categories) {
    bytes.push_back(static_cast<char>(id.size()));
    bytes += id;
  }
  for (const IndexEntry& entry : sorted) {
    names += entry.name;
    AppendLittle<uint32_t>(static_cast<uint32_t>(names.size()), &bytes);
    AppendLittle<uint64_t>(entry.set.words()[0], &bytes);
    AppendLittle<uint64_t>(entry.set.words()[1], &bytes);
  }
  return bytes + names;
}

}  // namespace schoolgate::rules
