// What is wrong or doubtful in a policy although it compiles: contradictions
// of its rules, and the traps that paper policies set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace schoolgate::rules {

struct Finding {
  enum class Kind {
    kMistake,        // does not compile
    kContradiction,  // two places say different things
    kTrap,           // the paper says what software must not take literally
    kWarning,        // works, but hardly as meant
  };

  Kind kind = Kind::kWarning;
  std::string file;
  int line = 0;
  std::string id;  // "Z4", or a short name under which a choice is recorded
  std::string what;
  // What the school chose, empty when it has not. A mistake has no choice; a
  // warning needs none.
  std::string choice;
  int choice_line = 0;

  bool open() const {
    return kind == Kind::kMistake || (kind != Kind::kWarning && choice.empty());
  }
};

// Findings in the order of the file. `now` is for what expires.
std::vector<Finding> CheckPolicyFile(const std::string& path, absl::Time now);

std::string_view KindName(Finding::Kind kind);

}  // namespace schoolgate::rules
