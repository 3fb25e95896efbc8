#include "rules/import/import_list.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/new_file.h"
#include "rules/import/known_categories.h"
#include "rules/import/line_source.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kExamples = 5;
constexpr size_t kExampleBytes = 80;
constexpr size_t kHostsLimit = 50'000'000;
constexpr size_t kExceptionsLimit = 1'000'000;
constexpr size_t kFirstTidy = 1 << 20;

void Keep(std::vector<std::string>* examples, uint64_t number,
          std::string_view line) {
  if (examples->size() >= kExamples) return;
  examples->push_back(
      absl::StrCat("line ", number, ": ",
                   absl::CHexEscape(absl::string_view(
                       line.data(), std::min(line.size(), kExampleBytes)))));
}

// Of a UT1 tree: DIR/NAME/domains, or DIR/domains when DIR is the category, or
// that very file.
absl::StatusOr<std::string> Ut1File(const std::string& folder,
                                    const std::string& name) {
  const auto status = std::filesystem::status(folder);
  if (!std::filesystem::exists(status)) {
    return SystemError(folder, "cannot be opened", ENOENT);
  }
  if (std::filesystem::is_regular_file(status)) return folder;
  for (const std::string& stem :
       {folder + "/" + name + "/domains", folder + "/domains"}) {
    for (const char* end : {"", ".gz", ".zst"}) {
      if (std::filesystem::is_regular_file(stem + end)) return stem + end;
    }
  }
  return absl::NotFoundError(
      absl::StrCat(folder, ": has no ", name,
                   "/domains: name the tree's category with --from"));
}

class Importer {
 public:
  Importer(ListFormat format, const std::string& wanted)
      : parser_(format, wanted) {}

  void Take(std::string_view line, bool cut) {
    ++number_;
    found_.clear();
    uint64_t wildcards = 0;
    LineKind kind =
        cut ? LineKind::kBroken : parser_.Parse(line, &found_, &wildcards);
    if (kind == LineKind::kEmpty) return;
    ++report_.lines;
    if (kind == LineKind::kExcept) {
      if (exceptions_.size() < kExceptionsLimit) return Except(line);
      found_.clear();
      kind = LineKind::kOther;
    }
    report_.wildcards += wildcards;
    if (kind == LineKind::kOther) {
      ++report_.other;
      Keep(&report_.other_examples, number_, line);
    } else if (kind == LineKind::kBroken) {
      ++report_.broken;
      Keep(&report_.broken_examples, number_, line);
    }
    for (std::string& host : found_) hosts_.push_back(std::move(host));
    if (hosts_.size() >= tidy_at_) Tidy();
  }

  // Whether the list names more hosts than any real one.
  bool full() const { return full_; }

  ImportReport Finish() {
    Tidy();
    TakeOutExcepted();
    report_.hosts = hosts_.size();
    for (const std::string& host : hosts_) {
      report_.addresses += IsAddress(host);
    }
    return report_;
  }

  const std::vector<std::string>& hosts() const { return hosts_; }

 private:
  struct Exception {
    uint64_t number = 0;  // of its line
    std::string line;
    bool used = false;
  };

  void Except(std::string_view line) {
    for (std::string& host : found_) {
      exceptions_.try_emplace(
          std::move(host),
          Exception{number_, std::string(line.substr(0, kExampleBytes))});
    }
  }

  // The exception of the host or of a name above it.
  Exception* ExceptionOf(std::string_view host) {
    const auto own = exceptions_.find(host);
    if (own != exceptions_.end()) return &own->second;
    if (IsAddress(host)) return nullptr;
    for (host = ParentOf(host); !host.empty(); host = ParentOf(host)) {
      const auto above = exceptions_.find(host);
      if (above != exceptions_.end()) return &above->second;
    }
    return nullptr;
  }

  // A host goes with all below it. An exception below a host that stays cannot
  // be written in a list of ours: it is one of the other rules.
  void TakeOutExcepted() {
    if (exceptions_.empty()) return;
    report_.excepted = std::erase_if(hosts_, [&](const std::string& host) {
      Exception* exception = ExceptionOf(host);
      if (exception != nullptr) exception->used = true;
      return exception != nullptr;
    });
    for (const auto& [host, exception] : exceptions_) {
      if (exception.used) continue;
      ++report_.other;
      Keep(&report_.other_examples, exception.number, exception.line);
    }
  }

  // A list that says one host a billion times must not fill the memory.
  void Tidy() {
    const size_t all = hosts_.size();
    std::sort(hosts_.begin(), hosts_.end());
    hosts_.erase(std::unique(hosts_.begin(), hosts_.end()), hosts_.end());
    report_.duplicates += all - hosts_.size();
    tidy_at_ = std::max(kFirstTidy, 2 * hosts_.size());
    full_ = full_ || hosts_.size() > kHostsLimit;
    if (full_) hosts_.clear();
  }

  LineParser parser_;
  ImportReport report_;
  std::vector<std::string> found_;
  std::vector<std::string> hosts_;
  size_t tidy_at_ = kFirstTidy;
  bool full_ = false;
  uint64_t number_ = 0;
  std::map<std::string, Exception, std::less<>> exceptions_;
};

std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

absl::Status WriteList(const ImportOrder& order,
                       const std::vector<std::string>& hosts) {
  auto file = NewFile::Create(order.output);
  if (!file.ok()) return file.status();
  std::string head = absl::StrCat(
      "# category: ", order.category,
      "\n# source: ", OneLine(order.source.empty() ? order.path : order.source),
      "\n");
  if (!order.licence.empty()) {
    absl::StrAppend(&head, "# licence: ", OneLine(order.licence), "\n");
  }
  if (auto status = (*file)->Append(head); !status.ok()) return status;
  for (const std::string& host : hosts) {
    if (auto status = (*file)->Append(host + "\n"); !status.ok()) return status;
  }
  return (*file)->Commit();
}

}  // namespace

std::string ListFormatName(std::string_view word) {
  const std::string name =
      absl::AsciiStrToLower(absl::string_view(word.data(), word.size()));
  if (name == "domains" || name == "plain-domains") return "plain";
  if (name == "adblock-style") return "adblock";
  return name == "ut1" || ListFormatOf(name).has_value() ? name : "";
}

absl::StatusOr<ImportReport> ImportList(const ImportOrder& order) {
  if (!IsCategoryId(order.category)) {
    return absl::InvalidArgumentError(absl::StrCat(
        order.category, ": is no category id: use a-z, 0-9, - and _"));
  }
  const std::string wanted =
      order.wanted.empty() ? order.category : order.wanted;
  std::string path = order.path;
  ListFormat format = ListFormat::kPlain;
  const std::string format_name = ListFormatName(order.format);
  if (format_name == "ut1") {
    auto file = Ut1File(order.path, wanted);
    if (!file.ok()) return file.status();
    path = *file;
  } else if (const auto known = ListFormatOf(format_name)) {
    format = *known;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat(order.format,
                     ": is no list format: use ut1, plain, hosts, adblock, "
                     "rpz or csv"));
  }
  Importer importer(format, wanted);
  auto status = ReadLines(
      path, [&](std::string_view line, bool cut) { importer.Take(line, cut); });
  if (!status.ok()) return status;
  ImportReport report = importer.Finish();
  if (importer.full()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": names more than ", kHostsLimit,
                     " hosts: check that it is a list, or split it"));
  }
  if (report.hosts == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": names no host as ", order.format, " (",
                     report.broken, " broken lines, ", report.other,
                     " other): check the format and the category"));
  }
  status = WriteList(order, importer.hosts());
  if (!status.ok()) return status;
  return report;
}

}  // namespace schoolgate::rules
