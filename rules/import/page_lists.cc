#include "rules/import/page_lists.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/new_file.h"
#include "rules/policy/page_knowledge.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMostBytes = 64 << 20;

std::optional<uint64_t> IdOf(absl::string_view word) {
  const auto host = HostName::Parse(std::string_view(word.data(), word.size()));
  if (!host || host->is_address() || host->is_single_label()) {
    return std::nullopt;
  }
  return PageKnowledge::Id(host->text());
}

// Nothing: the line is none of this list.
using Reader = std::function<std::optional<uint64_t>(
    const std::vector<absl::string_view>& words)>;

absl::StatusOr<std::string> ReadList(const std::string& file,
                                     const Reader& read, const char* shape) {
  std::vector<uint64_t> ids;
  if (!std::filesystem::exists(file)) return std::string();
  const absl::StatusOr<std::string> text = ReadWholeFile(file, kMostBytes);
  if (!text.ok()) return text;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty());
    const std::optional<uint64_t> id = read(words);
    if (!id) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": expected ", shape));
    }
    if (ids.size() >= PageKnowledge::kMostEntries) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": more than ", PageKnowledge::kMostEntries,
                       " lines: keep those of the most visited pages"));
    }
    ids.push_back(*id);
  }
  return PackIds(std::move(ids));
}

}  // namespace

absl::StatusOr<v1::PageKnowledge> ReadPageLists(const std::string& folder) {
  v1::PageKnowledge knowledge;
  auto embedded = ReadList(
      folder + "/embedded-sites.tsv",
      [](const auto& words) {
        return words.size() == 1 ? IdOf(words[0]) : std::nullopt;
      },
      "one site, like social.example");
  if (!embedded.ok()) return embedded.status();
  knowledge.set_embedded(*std::move(embedded));
  auto pairs = ReadList(
      folder + "/page-pairs.tsv",
      [](const auto& words) -> std::optional<uint64_t> {
        if (words.size() != 2) return std::nullopt;
        const auto page = IdOf(words[0]), site = IdOf(words[1]);
        if (!page || !site) return std::nullopt;
        return PageKnowledge::PairId(*page, *site);
      },
      "a page's site, a tab, and the site that it brings in");
  if (!pairs.ok()) return pairs.status();
  knowledge.set_pairs(*std::move(pairs));
  return knowledge;
}

}  // namespace schoolgate::rules
