// Section "index" of a bundle: from a host to the categories it is listed
// under. docs/bundle-format.md, section 4.
#pragma once

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

namespace schoolgate::rules {

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
// it is listed there. Immutable and thread-safe. Borrows its bytes.
class CategoryIndex {
 public:
  // Reads and checks the head of the section, never the entries.
  // INVALID_ARGUMENT says what is wrong with it.
  static absl::StatusOr<std::unique_ptr<CategoryIndex>> Open(
      std::span<const uint8_t> section);
  virtual ~CategoryIndex() = default;

  // Ids in ascending order; a category's number is its place here.
  const std::vector<std::string>& categories() const { return categories_; }

  // -1: no such category.
  int CategoryNumber(std::string_view id) const;

  virtual uint64_t entries() const = 0;

  // All categories of the host. Allocates nothing.
  virtual CategorySet Categories(const HostName& host) const = 0;

  // The same with reasons, by ascending category.
  virtual std::vector<CategoryMatch> Matches(const HostName& host) const = 0;

  // Visits every entry, in no promised order, until `visit` says false. The
  // name is borrowed for the call.
  virtual void ForEach(
      const std::function<bool(const IndexEntry&)>& visit) const = 0;

 protected:
  std::vector<std::string> categories_;
};

// Section bytes; the order of `entries` does not matter, no name may occur
// twice. `categories` must be sorted.
std::string BuildIndex(const std::vector<std::string>& categories,
                       const std::vector<IndexEntry>& entries);

}  // namespace schoolgate::rules
