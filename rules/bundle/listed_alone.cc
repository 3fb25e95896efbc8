#include "rules/bundle/listed_alone.h"

#include <algorithm>

namespace schoolgate::rules {
namespace {

// Nothing for an exception that is none of these.
std::string_view NameOf(const v1::GateException& exception) {
  const std::string_view host = exception.host();
  return host.starts_with(kAloneMark) ? host.substr(1) : std::string_view();
}

}  // namespace

std::vector<std::string> ListedAlone::Names() const {
  std::vector<std::string> names;
  for (const v1::GateException& one : lists_.exceptions()) {
    if (NameOf(one).empty()) break;
    names.emplace_back(NameOf(one));
  }
  return names;
}

bool ListedAlone::IsBelowOne(const HostName& host) const {
  if (host.is_address()) return false;
  for (const v1::GateException& one : lists_.exceptions()) {
    const std::string_view name = NameOf(one);
    if (name.empty()) return false;
    if (name.size() < host.text().size() && IsAtOrBelow(host.text(), name)) {
      return true;
    }
  }
  return false;
}

bool ListedAlone::Has(std::string_view name, int category) const {
  const std::string& id = index_.categories()[category];
  for (const v1::GateException& one : lists_.exceptions()) {
    if (NameOf(one).empty()) return false;
    if (NameOf(one) == name && one.category() == id) return true;
  }
  return false;
}

// The longest listed suffix that speaks for the host; empty: none does.
std::string_view ListedAlone::SuffixFor(std::string_view host,
                                        int category) const {
  for (std::string_view at = host; !at.empty(); at = ParentOf(at)) {
    if (!index_.Exact(at).Has(category)) continue;
    if (at.size() == host.size() || !Has(at, category)) return at;
  }
  return {};
}

CategorySet ListedAlone::Categories(const HostName& host) const {
  const CategorySet all = index_.Categories(host);
  if (all.empty() || !IsBelowOne(host)) return all;
  CategorySet kept;
  all.ForEach([&](int category) {
    if (!SuffixFor(host.text(), category).empty()) kept.Add(category);
  });
  return kept;
}

std::vector<CategoryMatch> ListedAlone::Matches(const HostName& host) const {
  std::vector<CategoryMatch> matches = index_.Matches(host);
  if (matches.empty() || !IsBelowOne(host)) return matches;
  std::erase_if(matches, [&](CategoryMatch& match) {
    match.suffix = SuffixFor(host.text(), match.category);
    return match.suffix.empty();
  });
  return matches;
}

}  // namespace schoolgate::rules
