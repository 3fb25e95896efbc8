#include "rules/import/list_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/listed_alone.h"
#include "rules/bundle/new_file.h"
#include "rules/bundle/utf8.h"
#include "rules/import/known_categories.h"
#include "rules/import/line_parser.h"
#include "rules/import/line_source.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kStopListFile = "stop-list.txt";
constexpr std::string_view kExceptionsFile = "gate-exceptions.txt";
constexpr std::string_view kSideFiles[] = {
    kStopListFile, kExceptionsFile, "embedded-sites.tsv", "page-pairs.tsv"};
constexpr uint64_t kSmallFileLimit = 4 << 20;
constexpr size_t kHeaderLimit = 500;
constexpr size_t kEntriesLimit = 50'000'000;

std::string_view Trim(std::string_view text) {
  const absl::string_view bare =
      absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  return {bare.data(), bare.size()};
}

// "adult" of "adult.txt" and "adult.ut1.txt.zst"; empty for other files.
std::string CategoryOfFile(std::string_view name) {
  for (const std::string_view end : {".gz", ".zst"}) {
    if (name.ends_with(end)) name.remove_suffix(end.size());
  }
  if (!name.ends_with(".txt")) return "";
  const std::string_view stem = name.substr(0, name.find('.'));
  return IsCategoryId(stem) ? std::string(stem) : "";
}

// UTF-8, and not longer than a header may be.
std::string HeaderText(std::string_view value) {
  std::string text;
  while (!value.empty()) {
    const size_t bytes = std::max<size_t>(Utf8CharacterBytes(value), 1);
    if (text.size() + bytes > kHeaderLimit) break;
    text += value.substr(0, bytes);
    value.remove_prefix(bytes);
  }
  return AsUtf8(text);
}

// Takes the "# source: ..." lines that say where a list comes from.
void ReadHeader(std::string_view comment, v1::ListProvenance* provenance) {
  const size_t colon = comment.find(':');
  if (colon == std::string_view::npos) return;
  const std::string key = absl::AsciiStrToLower(
      absl::string_view(Trim(comment.substr(0, colon)).data(),
                        Trim(comment.substr(0, colon)).size()));
  const std::string value = HeaderText(Trim(comment.substr(colon + 1)));
  if (key == "source" && provenance->source().empty()) {
    provenance->set_source(value);
  } else if ((key == "licence" || key == "license") &&
             provenance->licence().empty()) {
    provenance->set_licence(value);
  } else if (key == "date" && provenance->retrieved().empty()) {
    provenance->set_retrieved(value);
  }
}

// Category and name of what is listed without the names below it.
using AloneNames = std::set<std::pair<std::string, std::string>>;

class ListReader {
 public:
  ListReader(const CompileGate& gate, int category, EntryTable* entries,
             AloneNames* alone, ListReport* report)
      : parser_(ListFormat::kPlain, ""),
        gate_(gate),
        category_(category),
        entries_(entries),
        alone_(alone),
        report_(report) {}

  void Take(std::string_view line, bool cut) {
    ++number_;
    line = Trim(WithoutByteOrderMark(line));
    if (line.starts_with('#')) {
      return ReadHeader(line.substr(1), &report_->provenance);
    }
    found_.clear();
    uint64_t wildcards = 0;
    const LineKind kind =
        cut ? LineKind::kBroken : parser_.Parse(line, &found_, &wildcards);
    if (kind == LineKind::kEmpty) return;
    report_->provenance.set_lines(report_->provenance.lines() + 1);
    if (kind != LineKind::kHosts) return Malformed(line);
    for (const std::string& host : found_) Add(host);
  }

 private:
  void Add(std::string_view host) {
    auto& provenance = report_->provenance;
    const GateRefusal refusal = gate_.Check(host, provenance.category());
    if (refusal != GateRefusal::kNone) {
      provenance.set_refused(provenance.refused() + 1);
      if (report_->refused_examples.size() < kExamplesLimit) {
        report_->refused_examples.push_back(
            std::string(host) + ": " + std::string(GateRefusalName(refusal)));
      }
      if (refusal == GateRefusal::kPublicSuffix &&
          report_->refused_suffixes.size() < kExamplesLimit) {
        report_->refused_suffixes.emplace_back(host);
      }
    } else if (entries_->size() >= kEntriesLimit) {
      return;  // said when the list has been read
    } else if (gate_.ListsAlone(host, provenance.category())
                   ? AddAlone(host)
                   : entries_->Add(host, category_)) {
      provenance.set_entries(provenance.entries() + 1);
    } else {
      provenance.set_duplicates(provenance.duplicates() + 1);
    }
  }

  bool AddAlone(std::string_view host) {
    if (!alone_->emplace(report_->provenance.category(), host).second) {
      return false;
    }
    if (report_->alone.size() < kExamplesLimit) {
      report_->alone.emplace_back(host);
    }
    return true;
  }

  void Malformed(std::string_view line) {
    line = Trim(line.substr(0, line.find('#')));
    auto& provenance = report_->provenance;
    provenance.set_malformed(provenance.malformed() + 1);
    if (report_->malformed_examples.size() < kExamplesLimit) {
      report_->malformed_examples.push_back(
          absl::StrCat("line ", number_, ": ",
                       absl::CHexEscape(absl::string_view(
                           line.data(), std::min<size_t>(line.size(), 80)))));
    }
  }

  LineParser parser_;
  std::vector<std::string> found_;
  const CompileGate& gate_;
  const int category_;
  EntryTable* entries_;
  AloneNames* alone_;
  ListReport* report_;
  uint64_t number_ = 0;
};

// What may lie in a folder of lists without being one.
bool IsSideFile(std::string_view name) {
  return name.starts_with("README") || name.starts_with('.') ||
         std::find(std::begin(kSideFiles), std::end(kSideFiles), name) !=
             std::end(kSideFiles);
}

struct FolderFiles {
  std::map<std::string, std::string> lists;  // name -> category
  std::vector<std::string> unread;           // sorted
};

absl::StatusOr<FolderFiles> FindLists(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return SystemError(folder, "cannot be read", error.value());
  FolderFiles files;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error) || IsSideFile(name)) continue;
    const std::string category = CategoryOfFile(name);
    if (category.empty()) {
      if (entry.is_regular_file(error)) files.unread.push_back(name);
    } else {
      files.lists[name] = category;
    }
  }
  std::sort(files.unread.begin(), files.unread.end());
  return files;
}

absl::StatusOr<std::unique_ptr<CompileGate>> MakeGate(
    const std::string& folder) {
  auto gate = CompileGate::Make();
  if (!gate.ok()) return gate;
  for (const std::string_view file : {kStopListFile, kExceptionsFile}) {
    const std::string path = folder + "/" + std::string(file);
    if (!std::filesystem::exists(path)) continue;
    const auto text = ReadWholeFile(path, kSmallFileLimit);
    if (!text.ok()) return text.status();
    const std::string_view lines = WithoutByteOrderMark(*text);
    const absl::Status status = file == kStopListFile
                                    ? (*gate)->AddStopList(lines, path)
                                    : (*gate)->AddExceptions(lines, path);
    if (!status.ok()) return status;
  }
  return gate;
}

// Only the first list of a category owns up to what an ancestor covers.
void DropCovered(CompiledLists* lists) {
  std::map<int, uint64_t> covered;
  lists->entries.DropCovered(
      [&](std::string_view, const CategorySet& categories) {
        categories.ForEach([&](int category) { ++covered[category]; });
      });
  for (const auto& [category, count] : covered) {
    for (ListReport& report : lists->reports) {
      auto& provenance = report.provenance;
      if (provenance.category() != lists->categories[category]) continue;
      provenance.set_covered(count);
      provenance.set_entries(provenance.entries() -
                             std::min(provenance.entries(), count));
      break;
    }
  }
}

}  // namespace

absl::StatusOr<CompiledLists> CompileLists(
    const std::string& folder, const std::vector<std::string>& also,
    const std::function<void(std::string_view)>& progress) {
  const auto files = FindLists(folder);
  if (!files.ok()) return files.status();
  auto gate = MakeGate(folder);
  if (!gate.ok()) return gate.status();
  std::set<std::string> ids(KnownCategories().begin(), KnownCategories().end());
  ids.insert(also.begin(), also.end());
  for (const auto& [file, category] : files->lists) ids.insert(category);
  if (ids.size() > kCategoryLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": has lists for too many categories: at most ",
                     kCategoryLimit, ": put some together"));
  }
  CompiledLists lists;
  lists.unread = files->unread;
  lists.categories.assign(ids.begin(), ids.end());
  for (size_t i = 0; i < lists.categories.size(); ++i) {
    lists.entries.Add(CanaryHost(lists.categories[i]), static_cast<int>(i));
  }
  AloneNames alone;
  for (const auto& [file, category] : files->lists) {
    progress(file);
    const auto number =
        static_cast<int>(std::distance(ids.begin(), ids.find(category)));
    ListReport& report = lists.reports.emplace_back();
    report.provenance.set_category(category);
    report.provenance.set_name(AsUtf8(file));
    ListReader reader(**gate, number, &lists.entries, &alone, &report);
    auto status = ReadLines(
        folder + "/" + file,
        [&](std::string_view line, bool cut) { reader.Take(line, cut); });
    if (!status.ok()) return status;
    if (lists.entries.size() >= kEntriesLimit) {
      return absl::ResourceExhaustedError(
          absl::StrCat(folder, "/", file, ": makes more than ", kEntriesLimit,
                       " hosts in all: check that it is a list"));
    }
  }
  DropCovered(&lists);
  // These cover nothing, so they come last.
  for (const auto& [category, name] : alone) {
    lists.entries.Add(
        name, static_cast<int>(std::distance(ids.begin(), ids.find(category))));
    v1::GateException& one = lists.exceptions.emplace_back();
    one.set_category(category);
    one.set_host(kAloneMark + name);
    one.set_reason("a public suffix: everybody's sites below are not meant");
  }
  lists.exceptions.insert(lists.exceptions.end(), (*gate)->exceptions().begin(),
                          (*gate)->exceptions().end());
  return lists;
}

v1::BundleLists ProvenanceOf(const CompiledLists& lists) {
  v1::BundleLists all;
  for (const ListReport& report : lists.reports) {
    *all.add_lists() = report.provenance;
  }
  for (const v1::GateException& exception : lists.exceptions) {
    *all.add_exceptions() = exception;
  }
  return all;
}

}  // namespace schoolgate::rules
