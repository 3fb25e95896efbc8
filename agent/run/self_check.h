// Proof in daily service: a question goes the way that people's questions go,
// and must be seen and, where the agent enforces, refused.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/run/gate_mode.h"
#include "platform/name_question.h"

namespace schoolgate::agent {

// A category whose canary host these rules block for this person, best one
// that is not locked; empty when there is none, or no rules.
std::string BlockedCategory(Verdicts& verdicts, const Who& who,
                            int64_t time_us);

// Not thread-safe. Borrows what it is given for its own life.
class SelfCheck {
 public:
  SelfCheck(Attribution& attribution, Verdicts& verdicts, const Watch& watch)
      : attribution_(attribution), verdicts_(verdicts), watch_(watch) {}

  // Asks. A check that still runs is given up for the new one.
  void Begin(GateMode mode, absl::Time wall, absl::Duration now);

  bool running() const { return question_.has_value(); }

  // "pass" or "fail: why", once, when it is known.
  std::optional<std::string> Step(absl::Duration now);

 private:
  static constexpr absl::Duration kPatience = absl::Seconds(2);

  Attribution& attribution_;
  Verdicts& verdicts_;
  const Watch& watch_;
  std::string name_;
  bool must_refuse_ = false;
  absl::Duration until_;
  std::optional<platform::NameQuestion> question_;
};

}  // namespace schoolgate::agent
