// What a bundle lists, read with what its section "lists" says of names that
// are listed alone: docs/bundle-format.md, section 4.6.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/bundle.pb.h"
#include "rules/bundle/category_index.h"

namespace schoolgate::rules {

// A company's public suffix, such as github.io, with everybody's sites below
// it: the category lists this very name and nothing below. It is written as an
// exception whose host is behind this mark, in front of all others.
inline constexpr char kAloneMark = '=';

// Borrows both. Thread-safe; nothing is laid out in advance, so that making
// one costs nothing. Without such names it answers as the index does.
class ListedAlone {
 public:
  ListedAlone(const CategoryIndex& index, const v1::BundleLists& lists)
      : index_(index), lists_(lists) {}

  const CategoryIndex& index() const { return index_; }

  // The names, once for each of their categories.
  std::vector<std::string> Names() const;

  // As CategoryIndex has them, without what is listed alone above the host.
  CategorySet Categories(const HostName& host) const;
  std::vector<CategoryMatch> Matches(const HostName& host) const;

 private:
  bool IsBelowOne(const HostName& host) const;
  bool Has(std::string_view name, int category) const;
  std::string_view SuffixFor(std::string_view host, int category) const;

  const CategoryIndex& index_;
  const v1::BundleLists& lists_;
};

}  // namespace schoolgate::rules
