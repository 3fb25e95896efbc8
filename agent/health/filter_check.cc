#include "agent/health/filter_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// What a school has to be able to show (child sexual abuse, terrorism, adult
// content), and one category that most policies leave to the school.
constexpr std::array<const char*, 4> kCategories = {"child-abuse", "terrorism",
                                                    "adult", "gambling"};
constexpr char kSees[] = "sees names";

}  // namespace

void FilterCheck::Ask(std::string what, std::string name, bool blocked) {
  auto question = std::make_unique<platform::NameQuestion>(name);
  asked_.push_back({.what = std::move(what),
                    .name = std::move(name),
                    .blocked = blocked,
                    .question = std::move(question)});
}

void FilterCheck::Begin(bool enforcing, absl::Duration now) {
  asked_.clear();
  until_ = now + kPatience;
  Ask(kSees, platform::FreshTestName(""), false);
  if (!enforcing) return;
  for (const char* category : kCategories) {
    const std::string name = platform::FreshTestName(category);
    const bool blocked = world_.blocks(name);
    Ask(absl::StrCat(blocked ? "blocks " : "leaves open ", category), name,
        blocked);
  }
}

// By the agent's own word as well: "no such name" may come from a resolver.
bool FilterCheck::Refused(const Asked& asked) const {
  return asked.question->Refused() && world_.refused(asked.name);
}

std::vector<CheckResult> FilterCheck::Poll(absl::Duration now) {
  std::vector<CheckResult> results;
  if (!under_way()) return results;
  bool all = true;
  for (const Asked& asked : asked_) {
    const bool refused = Refused(asked);
    const bool seen = world_.saw(asked.name);
    all = all && seen && refused == asked.blocked;
    CheckResult result{.what = asked.what, .passed = refused == asked.blocked};
    if (asked.what == kSees) {
      result.passed = seen;
    } else {
      result.detail = !seen ? "not seen" : refused ? "refused" : "not refused";
    }
    results.push_back(std::move(result));
  }
  if (now < until_ && !all) return {};
  asked_.clear();
  return results;
}

std::string InOneLine(const std::vector<CheckResult>& results) {
  std::string failed;
  for (const CheckResult& result : results) {
    if (!result.passed) {
      absl::StrAppend(&failed, failed.empty() ? "" : ", ", result.what);
    }
  }
  return failed.empty() ? "pass" : absl::StrCat("fail: ", failed);
}

}  // namespace schoolgate::agent
