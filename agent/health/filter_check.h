// The device's own check of its filter: questions for hosts that exist nowhere
// go the way that a person's questions go. Every name must be seen, and what
// the policy blocks must be refused.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "platform/name_question.h"

namespace schoolgate::agent {

// What the check may ask of the agent around it.
struct FilterCheckWorld {
  // What we would get for this host.
  std::function<bool(const std::string& host)> blocks;
  // Whether this name of a check was judged lately, and refused.
  std::function<bool(const std::string& host)> saw;
  std::function<bool(const std::string& host)> refused;
};

struct CheckResult {
  std::string what;  // "sees names", "blocks adult", "leaves open gambling"
  bool passed = false;
  std::string detail;
};

// Not thread-safe.
class FilterCheck {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  explicit FilterCheck(FilterCheckWorld world) : world_(std::move(world)) {}

  // Asks. A check that is under way is given up for the new one. `enforcing`:
  // whether what is blocked is really stopped; if not, only seeing is tested.
  void Begin(bool enforcing, absl::Duration now);

  bool under_way() const { return !asked_.empty(); }

  // The results, once, when all are known or patience is over; else nothing.
  std::vector<CheckResult> Poll(absl::Duration now);

 private:
  struct Asked {
    std::string what;
    std::string name;
    bool blocked;  // should be
    std::unique_ptr<platform::NameQuestion> question;
  };

  void Ask(std::string what, std::string name, bool blocked);
  bool Refused(const Asked& asked) const;

  FilterCheckWorld world_;
  std::vector<Asked> asked_;
  absl::Duration until_;
};

// "pass", or "fail: " and what failed.
std::string InOneLine(const std::vector<CheckResult>& results);

}  // namespace schoolgate::agent
