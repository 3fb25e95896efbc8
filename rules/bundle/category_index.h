// From a host to the categories it is listed under: sections "model", "index",
// "filter", "directory" and "pages" of a bundle. docs/bundle-format.md,
// section 4.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/bundle/category_set.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/index_directory.h"
#include "rules/bundle/name_filter.h"
#include "rules/bundle/name_model.h"
#include "rules/bundle/page_guard.h"

namespace schoolgate::rules {

// The five sections. Borrowed as long as the index that is opened on them.
struct IndexSections {
  std::span<const uint8_t> model;
  std::span<const uint8_t> directory;
  std::span<const uint8_t> index;
  std::span<const uint8_t> filter;
  std::span<const uint8_t> pages;
};

// A category of a host, and the longest listed suffix that puts it there.
struct CategoryMatch {
  int category = 0;
  std::string_view suffix;  // of the host that was asked about
};

// One host with all categories that it, itself, is listed under.
struct IndexEntry {
  std::string_view name;  // HostName::text()
  CategorySet set;
};

// Answers exactly: a host is in a category if and only if it or a name above
// it is listed there. Immutable and thread-safe.
class CategoryIndex {
 public:
  // Reads model and directory, never the entries. The caller has verified
  // model, directory and pages; the pages of index and filter are verified when
  // they are touched. A damaged one of the index lists nothing, a damaged one
  // of the filter only costs time. INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<std::unique_ptr<CategoryIndex>> Open(
      const IndexSections& sections);

  // Ids in ascending order; a category's number is its place here.
  const std::vector<std::string>& categories() const {
    return directory_.categories();
  }

  // -1: no such category.
  int CategoryNumber(std::string_view id) const;

  uint64_t entries() const { return directory_.entries(); }

  // How often a look-up met a damaged page: the bundle has to be fetched
  // again.
  uint64_t damaged_pages() const {
    return guard_.refusals() + filter_.refusals();
  }

  // All categories of the host. Allocates nothing.
  CategorySet Categories(const HostName& host) const;

  // The same with reasons, by ascending category.
  std::vector<CategoryMatch> Matches(const HostName& host) const;

  // What exactly this name is listed under: names above do not count. Nothing
  // for what is no HostName::text().
  CategorySet Exact(std::string_view name) const;

  // Visits every entry, in the order of the file. DATA_LOSS at a damaged one.
  absl::Status ForEachEntry(
      const std::function<void(const IndexEntry&)>& visit) const;

  const NameModel& model() const { return *model_; }
  const IndexDirectory& directory() const { return directory_; }
  uint64_t buckets() const { return uint64_t{1} << model_->bucket_bits(); }

  // Not verified.
  std::span<const uint8_t> filter_bytes() const { return filter_bytes_; }

  // The bytes of a bucket, verified. Empty: damaged.
  std::span<const uint8_t> BucketBytes(uint64_t bucket) const;

 private:
  // Which of a host's suffixes, by their place in SuffixHashes.
  using SuffixSet = std::array<uint64_t, 2>;

  CategoryIndex(std::unique_ptr<const NameModel> model,
                IndexDirectory directory, const IndexSections& sections);

  template <typename Visitor>
  void Walk(std::string_view name, bool is_address,
            const SuffixHashes& suffixes, Visitor visit) const;
  template <typename Visitor>
  void Look(std::string_view name, bool is_address,
            const SuffixHashes& suffixes, const SuffixSet& possible,
            Visitor visit) const;
  uint32_t SetOf(const CodedHost& coded, const SuffixCode& suffix) const;

  std::unique_ptr<const NameModel> model_;
  IndexDirectory directory_;
  std::span<const uint8_t> index_;
  PageGuard guard_;
  std::span<const uint8_t> filter_bytes_;
  NameFilter filter_;
};

}  // namespace schoolgate::rules
