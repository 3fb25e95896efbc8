#include "collector/fleet/paper_shelf.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/fleet/secret_file.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

// Names a folder that no school's id can have.
constexpr char kForAll[] = "+all";
constexpr std::string_view kEndsMark = "Ends: ";

// In front of the armoured text, where every reader passes over it.
std::string WithEnd(absl::Time ends, const std::string& text) {
  if (ends == absl::InfiniteFuture()) return text;
  return absl::StrCat("Ends: ", absl::ToUnixSeconds(ends), "\n", text);
}

absl::Time EndOf(const std::string& text) {
  if (text.compare(0, kEndsMark.size(), kEndsMark) != 0) {
    return absl::InfiniteFuture();
  }
  const size_t line = text.find('\n');
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text.substr(kEndsMark.size(), line - kEndsMark.size()),
                        &seconds)) {
    return absl::InfiniteFuture();
  }
  return absl::FromUnixSeconds(seconds);
}

int Place(const ShelvedPaper& paper) {
  if (paper.paper.kind() == v1::Paper::KIND_ROOT) return 0;
  return paper.facts.name == "timestamp" ? 1 : 2;
}

}  // namespace

std::string PaperName(const std::string& kind, const std::string& id) {
  seal::Hasher hasher;
  hasher.Add(id);
  return absl::StrCat(kind, "-", seal::ToHex(hasher.Finish()).substr(0, 16));
}

std::string PaperShelf::Folder(const std::string& school) const {
  return absl::StrCat(directory_, "/", school.empty() ? kForAll : school);
}

absl::Status PaperShelf::Place(const PaperFacts& facts, const std::string& text,
                               const std::string& school,
                               absl::Time now) const {
  const std::string folder = Folder(school);
  absl::Status status = MakePrivateDirectory(folder);
  if (!status.ok()) return status;
  size_t others = 0;
  for (const auto& paper : Load(school)) {
    if (paper->facts.ends <= now) {
      std::error_code ignored;
      fs::remove(absl::StrCat(folder, "/", paper->facts.name), ignored);
    } else if (paper->facts.name != facts.name) {
      ++others;
    }
  }
  if (others >= kMostPapers) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "orders: ", kMostPapers, " are in force: wait until one ends"));
  }
  return WriteSecretFile(absl::StrCat(folder, "/", facts.name),
                         WithEnd(facts.ends, text));
}

std::vector<std::shared_ptr<const ShelvedPaper>> PaperShelf::Load(
    const std::string& school) const {
  std::vector<std::shared_ptr<const ShelvedPaper>> papers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(Folder(school), error)) {
    const std::string name = entry.path().filename().string();
    if (name.find('.') != std::string::npos) continue;  // being written
    absl::StatusOr<std::string> text = ReadSmallFile(entry.path().string());
    if (!text.ok()) continue;
    auto paper = std::make_shared<ShelvedPaper>();
    paper->facts.kind =
        name == "root" ? v1::Paper::KIND_ROOT : v1::Paper::KIND_ORDER;
    paper->facts.name = name;
    paper->facts.ends = EndOf(*text);
    paper->paper.set_kind(paper->facts.kind);
    paper->paper.set_text(*std::move(text));
    papers.push_back(std::move(paper));
  }
  std::sort(papers.begin(), papers.end(), [](const auto& a, const auto& b) {
    return std::make_pair(collector::Place(*a), a->facts.name) <
           std::make_pair(collector::Place(*b), b->facts.name);
  });
  return papers;
}

std::vector<std::string> PaperShelf::Schools() const {
  std::vector<std::string> schools;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (name != kForAll) schools.push_back(name);
  }
  return schools;
}

}  // namespace schoolgate::collector
