#include "collector/policy/thresholds.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "collector/policy/school_policies.h"
#include "rules/policy/calendar.h"
#include "rules/policy/explain_words.h"

namespace schoolgate::collector {
namespace {

const char* TierId(v1::Tier tier) {
  switch (tier) {
    case v1::TIER_SAFEGUARDING:
      return "safeguarding";
    case v1::TIER_SERIOUS:
      return "serious";
    case v1::TIER_ROUTINE:
      return "routine";
    default:
      return "";
  }
}

// How closely the threshold speaks of the category; 0: not at all.
int Closeness(const v1::Threshold& threshold, const std::string& category,
              const std::string& tier) {
  if (threshold.scope() == category) return 3;
  if (!tier.empty() && threshold.scope() == tier) return 2;
  return threshold.scope() == "any" ? 1 : 0;
}

std::string Within(absl::Duration time) {
  if (time == absl::ZeroDuration()) return "";
  return " within " +
         rules::MinutesWords(static_cast<uint32_t>(absl::ToInt64Minutes(time)));
}

// The last of equals, as a school's lines come after its trust's.
template <typename Fits>
const v1::Threshold* Closest(const v1::CompiledPolicy& policy,
                             const std::string& category, Fits fits) {
  const v1::Tier tier = PolicyTier(policy, category);
  if (category.empty() || tier == v1::TIER_ILLEGAL) return nullptr;
  const v1::Threshold* best = nullptr;
  int closest = 0;
  for (const v1::Threshold& one : policy.thresholds()) {
    const int here = Closeness(one, category, TierId(tier));
    if (here == 0 || here < closest || !fits(one)) continue;
    closest = here;
    best = &one;
  }
  return best;
}

}  // namespace

std::optional<Repeats> RepeatsFor(const v1::CompiledPolicy& policy,
                                  const std::string& category) {
  const v1::Threshold* found = Closest(
      policy, category, [](const auto& one) { return one.count() > 0; });
  if (found == nullptr) return std::nullopt;
  return Repeats{found->count(), absl::Minutes(found->window_minutes())};
}

std::optional<Transfer> TransferFor(const v1::CompiledPolicy& policy,
                                    const std::string& category) {
  const v1::Threshold* found = Closest(
      policy, category, [](const auto& one) { return one.bytes() > 0; });
  if (found == nullptr) return std::nullopt;
  return Transfer{found->bytes(), absl::Minutes(found->window_minutes()),
                  found->schedule()};
}

std::optional<OpenHours> OpenHoursOf(const v1::CompiledPolicy& policy) {
  std::optional<OpenHours> found;
  for (const v1::Threshold& one : policy.thresholds()) {
    if (one.scope() == rules::kOutOfHours && one.count() > 0) {
      found = OpenHours{one.count(), one.schedule()};
    }
  }
  return found;
}

bool Holds(const v1::CompiledPolicy& policy, const std::string& schedule,
           absl::Time time) {
  if (schedule.empty()) return true;
  for (int i = 0; i < policy.schedules_size(); ++i) {
    if (policy.schedules(i).id() != schedule) continue;
    return rules::Calendar(policy.calendar(), policy.schedules())
        .Holds(i, absl::ToUnixSeconds(time));
  }
  return true;
}

std::string InWords(const Repeats& repeats) {
  return absl::StrCat(repeats.count, Within(repeats.within));
}

std::string InWords(const OpenHours& hours) {
  return absl::StrCat(hours.count, hours.count == 1 ? " contact" : " contacts",
                      " in one sitting");
}

std::string InWords(const Transfer& transfer) {
  const double megabytes = static_cast<double>(transfer.bytes) / 1e6;
  return megabytes < 1000
             ? absl::StrFormat("%.0f MB%s", megabytes, Within(transfer.within))
             : absl::StrFormat("%.1f GB%s", megabytes / 1000,
                               Within(transfer.within));
}

}  // namespace schoolgate::collector
