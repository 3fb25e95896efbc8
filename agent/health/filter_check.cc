#include "agent/health/filter_check.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace schoolgate::agent {
namespace {

// What a school has to be able to show (child sexual abuse, terrorism, adult
// content), and one category that most policies leave to the school.
constexpr std::array<const char*, 4> kCategories = {"child-abuse", "terrorism",
                                                    "adult", "gambling"};
constexpr char kSees[] = "sees names";

v1::SelfTest Result(const std::string& what, bool passed,
                    const std::string& detail) {
  v1::SelfTest result;
  result.set_what(what);
  result.set_passed(passed);
  result.set_detail(detail);
  return result;
}

}  // namespace

void SelfTest::Begin(bool enforcing, absl::Duration now) {
  asked_.clear();
  asked_.push_back({kSees, platform::FreshCanaryName(""), false});
  for (const char* category : kCategories) {
    if (!enforcing) break;
    std::string name = platform::FreshCanaryName(category);
    const bool blocked = world_.blocks(name);
    asked_.push_back(
        {absl::StrCat(blocked ? "blocks " : "leaves open ", category),
         std::move(name), blocked});
  }
  std::set<std::string> tests;
  std::vector<std::string> names;
  for (const Asked& asked : asked_) {
    tests.insert(asked.name);
    names.push_back(asked.name);
  }
  world_.expect(std::move(tests));
  questions_ = platform::LoopbackQuestions::Ask(names);
  until_ = now + kPatience;
}

std::vector<v1::SelfTest> SelfTest::Poll(absl::Duration now) {
  std::vector<v1::SelfTest> results;
  if (questions_ == nullptr) return results;
  const std::vector<bool>& refused = questions_->Refused();
  bool all = world_.saw(asked_.front().name);
  for (size_t i = 1; i < asked_.size(); ++i) {
    all = all && refused[i] == asked_[i].blocked;
  }
  // That something stays open shows only with time.
  if (now < until_ && !all) return results;
  results.push_back(Result(kSees, world_.saw(asked_.front().name), ""));
  for (size_t i = 1; i < asked_.size(); ++i) {
    results.push_back(Result(asked_[i].what, refused[i] == asked_[i].blocked,
                             refused[i] ? "refused" : "not refused"));
  }
  questions_.reset();
  return results;
}

std::string InOneLine(const std::vector<v1::SelfTest>& results) {
  std::string failed;
  for (const v1::SelfTest& result : results) {
    if (!result.passed()) {
      absl::StrAppend(&failed, failed.empty() ? "" : ", ", result.what());
    }
  }
  return failed.empty() ? "pass" : absl::StrCat("fail: ", failed);
}

}  // namespace schoolgate::agent
