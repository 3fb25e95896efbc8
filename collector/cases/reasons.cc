#include "collector/cases/reasons.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace schoolgate::collector {
namespace {

constexpr char kBetween[] = "; ";

// "Tried to reach a.test; it was blocked", "one; two", ".".
struct Parts {
  std::string deed;
  std::vector<std::string> reasons;
  std::string rest;
};

Parts PartsOf(const v1::AlertEvidence& line) {
  const std::string& sentence = line.sentence();
  const size_t open = sentence.rfind(" (");
  const size_t close = sentence.find(')', std::min(open, sentence.size()));
  if (line.host().empty() || close == std::string::npos) {
    return {sentence, {}, ""};
  }
  return {sentence.substr(0, open),
          absl::StrSplit(sentence.substr(open + 2, close - open - 2), kBetween),
          sentence.substr(close + 1)};
}

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

std::vector<std::string> SharedReasons(const v1::Alert& alert) {
  if (alert.evidence_size() < 2) return {};
  std::vector<std::string> shared = PartsOf(alert.evidence(0)).reasons;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    const std::vector<std::string> own = PartsOf(line).reasons;
    std::erase_if(shared, [&](const auto& one) { return !Has(own, one); });
  }
  return shared;
}

std::string SentenceWithout(const v1::AlertEvidence& line,
                            const std::vector<std::string>& reasons) {
  Parts parts = PartsOf(line);
  std::erase_if(parts.reasons,
                [&](const auto& one) { return Has(reasons, one); });
  if (parts.reasons.empty()) return parts.deed + parts.rest;
  return absl::StrCat(parts.deed, " (", absl::StrJoin(parts.reasons, kBetween),
                      ")", parts.rest);
}

}  // namespace schoolgate::collector
