// How the agent's last run ended: whoever stopped it, or killed it, is told of
// by the next one.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/health/touched.h"

namespace schoolgate::agent {

struct RunNote {
  std::string boot_id;
  absl::Duration since_boot;
  bool ended = false;  // asked to end, and did
};

std::string ToText(const RunNote& note);
std::optional<RunNote> ParseRunNote(const std::string& text);

// What the last note means for a run that starts now. Nothing after a start of
// the machine, nor after a restart within seconds that was asked for: that is
// an update. `last_end` is the word of whoever keeps the agent, where there is
// one: "killed" is told, whatever the note says; any other word is a fault and
// no tampering.
std::optional<Touched> JudgeLastRun(const std::optional<RunNote>& last,
                                    const std::string& boot_id,
                                    absl::Duration since_boot,
                                    const std::string& last_end);

}  // namespace schoolgate::agent
