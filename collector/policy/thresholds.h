// How much has to happen before somebody is told, by the school's policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

// So many contacts that look like a person's, within so much time.
struct Repeats {
  uint32_t count = 0;
  absl::Duration within;
};

// So many bytes to or from sites of the category.
struct Transfer {
  uint64_t bytes = 0;
  absl::Duration within;
  std::string schedule;  // empty: always
};

// Outside this schedule a computer of the pupils' rooms should stand still.
struct OpenHours {
  uint32_t count = 0;  // contacts in one sitting
  std::string schedule;
};

// Nothing: the policy does not ask for it.
std::optional<OpenHours> OpenHoursOf(const v1::CompiledPolicy& policy);

// The policy's for the category: what names the category itself, else its
// tier, else "any". Nothing: the policy is silent. Illegal material has none:
// once is enough, whatever a policy says.
std::optional<Repeats> RepeatsFor(const v1::CompiledPolicy& policy,
                                  const std::string& category);
std::optional<Transfer> TransferFor(const v1::CompiledPolicy& policy,
                                    const std::string& category);

// Whether the schedule of the policy holds at that time; an empty one always.
bool Holds(const v1::CompiledPolicy& policy, const std::string& schedule,
           absl::Time time);

// "2 within 15 minutes", "3 within 40 hours", "2.0 GB within 15 minutes".
std::string InWords(const Repeats& repeats);
std::string InWords(const Transfer& transfer);
// "3 contacts in one sitting".
std::string InWords(const OpenHours& hours);

}  // namespace schoolgate::collector
