#include "rules/bundle/index_directory.h"

#include "platform/check.h"
#include "rules/bundle/little_endian.h"
#include "rules/bundle/section_reader.h"

namespace schoolgate::rules {
namespace {

constexpr uint64_t kBucketsPerGroup = 16;
constexpr uint64_t kGroupBytes = 4 + 2 * kBucketsPerGroup;
constexpr uint64_t kWideBytes = 4 * kBucketsPerGroup;
constexpr uint32_t kWideFlag = 0x80000000;

absl::Status Malformed() {
  return absl::InvalidArgumentError("section directory: is not well-formed");
}

}  // namespace

std::string SerialiseDirectory(const DirectoryParts& parts) {
  std::string bytes, wide;
  AppendLittle<uint64_t>(parts.entries, &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts.categories.size()),
                         &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts.sets.size()), &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts.root_sets.size()), &bytes);
  for (const std::string& id : parts.categories) {
    bytes.push_back(static_cast<char>(id.size()));
    bytes += id;
  }
  for (const CategorySet& set : parts.sets) {
    AppendLittle<uint64_t>(set.words()[0], &bytes);
    AppendLittle<uint64_t>(set.words()[1], &bytes);
  }
  for (const auto& [root, set] : parts.root_sets) {
    AppendLittle<uint16_t>(root, &bytes);
    AppendLittle<uint16_t>(set, &bytes);
  }
  const auto& begins = parts.bucket_begins;
  for (size_t group = 0; group < begins.size(); group += kBucketsPerGroup) {
    const size_t end = std::min(group + kBucketsPerGroup, begins.size());
    const bool crowded = begins[end - 1] - begins[group] > UINT16_MAX;
    AppendLittle<uint32_t>(
        crowded ? kWideFlag | static_cast<uint32_t>(wide.size() / kWideBytes)
                : begins[group],
        &bytes);
    for (size_t i = group; i < group + kBucketsPerGroup; ++i) {
      const uint32_t begin = begins[std::min(i, end - 1)];
      AppendLittle<uint16_t>(
          crowded ? 0 : static_cast<uint16_t>(begin - begins[group]), &bytes);
      if (crowded) AppendLittle<uint32_t>(begin, &wide);
    }
  }
  return bytes + wide;
}

absl::StatusOr<IndexDirectory> IndexDirectory::Parse(
    std::span<const uint8_t> section, uint64_t buckets, size_t roots,
    uint64_t index_bytes) {
  SectionReader reader(section);
  IndexDirectory directory;
  directory.index_bytes_ = index_bytes;
  directory.entries_ = reader.Number<uint64_t>();
  const auto categories = reader.Number<uint32_t>();
  const auto sets = reader.Number<uint32_t>();
  const auto listed_roots = reader.Number<uint32_t>();
  if (categories > kCategoryLimit || sets >= kNoSet || listed_roots > roots) {
    return Malformed();
  }
  for (uint32_t i = 0; i < categories; ++i) {
    directory.categories_.emplace_back(
        AsText(reader.Take(reader.Number<uint8_t>())));
    if (i > 0 && directory.categories_[i] <= directory.categories_[i - 1]) {
      return Malformed();
    }
  }
  CategorySet known;
  for (uint32_t i = 0; i < categories; ++i) known.Add(static_cast<int>(i));
  for (uint32_t i = 0; i < sets; ++i) {
    CategorySet& set = directory.sets_.emplace_back();
    for (uint64_t& word : set.words()) word = reader.Number<uint64_t>();
    CategorySet unknown = set;
    unknown.Remove(known);
    if (!unknown.empty()) return Malformed();
  }
  directory.root_sets_.assign(roots, kNoSet);
  for (uint32_t i = 0; i < listed_roots; ++i) {
    const auto root = reader.Number<uint16_t>();
    const auto set = reader.Number<uint16_t>();
    if (root >= roots || set >= sets) return Malformed();
    directory.root_sets_[root] = set;
  }
  const uint64_t groups = (buckets + kBucketsPerGroup - 1) / kBucketsPerGroup;
  directory.begins_ = reader.Take(groups * kGroupBytes);
  directory.wide_ = reader.Take(reader.left());
  if (reader.cut_short() || directory.wide_.size() % kWideBytes != 0) {
    return Malformed();
  }
  return directory;
}

uint64_t IndexDirectory::BucketBegin(uint64_t bucket) const {
  const uint8_t* group = &begins_[bucket / kBucketsPerGroup * kGroupBytes];
  const uint64_t slot = bucket % kBucketsPerGroup;
  const auto base = LoadLittle<uint32_t>(group);
  uint64_t begin = base + LoadLittle<uint16_t>(group + 4 + 2 * slot);
  if ((base & kWideFlag) != 0) [[unlikely]] {
    const uint64_t at = (base & ~kWideFlag) * kWideBytes + 4 * slot;
    begin = at + 4 <= wide_.size() ? LoadLittle<uint32_t>(&wide_[at]) : 0;
  }
  return begin <= index_bytes_ ? begin : index_bytes_;
}

}  // namespace schoolgate::rules
