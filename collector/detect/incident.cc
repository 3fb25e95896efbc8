#include "collector/detect/incident.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"
#include "collector/detect/school_days.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kRepeat = absl::Seconds(60);
// A browser reloads its error page by itself after 1 s, 5 s and later; what
// comes within this is the same try.
constexpr absl::Duration kReload = absl::Seconds(20);
// A page that pulls in several hosts at once; nobody types that fast.
constexpr absl::Duration kBurst = absl::Seconds(2);
constexpr size_t kBurstHosts = 3;
constexpr int kServiceADay = 4;
constexpr int kWindowDays = 5;
constexpr int kIncidentGapDays = 2;
// As many as this on one day are more than an idle afternoon.
constexpr size_t kManyInOneDay = 6;

bool IsBare(const Act& act) {
  return act.grade == v1::GRADE_UNSPECIFIED && !act.label;
}

bool InBurst(const std::vector<Act>& acts, size_t at) {
  std::set<std::string> hosts;
  for (const Act& other : acts) {
    if (!IsBare(other) || other.device != acts[at].device) continue;
    if (absl::AbsDuration(other.start - acts[at].start) <= kBurst) {
      hosts.insert(other.host);
    }
  }
  return hosts.size() >= kBurstHosts;
}

// Whether the act could be a person's doing at all.
bool IsStrong(const std::vector<Act>& acts, size_t at) {
  const Act& act = acts[at];
  if (act.label) return true;
  if (act.grade == v1::GRADE_OPENED || act.grade == v1::GRADE_ATTEMPT) {
    return true;
  }
  return IsBare(act) && act.action == v1::ACTION_BLOCK && !InBurst(acts, at);
}

// Remembers what was counted, so that a machine's repeats count once.
class Pacing {
 public:
  explicit Pacing(absl::TimeZone zone) : zone_(zone) {}

  bool Counts(const Act& act) {
    auto where = std::make_pair(act.device, act.service);
    absl::Duration gap = IsBare(act) ? kReload : kRepeat;
    auto [last, fresh] = last_.try_emplace(where, act.start);
    bool paced = fresh || act.start - last->second >= gap;
    // A reload every few seconds is one try however long it goes on.
    if (IsBare(act) || paced) last->second = std::max(last->second, act.start);
    if (!paced) return false;
    if (act.page_hash != 0 &&
        !pairs_.insert({act.page_hash, act.service}).second) {
      return false;
    }
    auto day = std::make_pair(absl::ToCivilDay(act.start, zone_), act.service);
    return ++a_day_[day] <= kServiceADay;
  }

 private:
  absl::TimeZone zone_;
  std::map<std::pair<std::string, std::string>, absl::Time> last_;
  std::set<std::pair<uint64_t, std::string>> pairs_;
  std::map<std::pair<absl::CivilDay, std::string>, int> a_day_;
};

struct Tally {
  int opened = 0, attempts = 0, bare = 0, labels = 0;
  std::set<absl::CivilHour> hours;

  int all() const { return graded() + bare; }
  int graded() const { return opened + attempts + labels; }
};

Tally Count(const std::vector<Act>& acts, absl::TimeZone zone) {
  Tally tally;
  for (const Act& act : acts) {
    tally.hours.insert(absl::ToCivilHour(act.start, zone));
    if (act.grade == v1::GRADE_OPENED)
      ++tally.opened;
    else if (act.grade == v1::GRADE_ATTEMPT)
      ++tally.attempts;
    else if (act.label)
      ++tally.labels;
    else
      ++tally.bare;
  }
  return tally;
}

// Whether the landing is near enough to be told of beside these, by time.
bool IsBeside(const Act& landing, const std::vector<Act>& counted,
              absl::TimeZone zone) {
  return SchoolDaysBetween(landing.start, counted.front().start, zone) <=
             kIncidentGapDays &&
         SchoolDaysBetween(counted.back().start, landing.start, zone) <=
             kIncidentGapDays;
}

// A pop-up or a mistyped address leads anybody to such a site once, but hardly
// somebody who opens such sites anyhow: beside two that were opened, a landing
// on another occasion is the third.
bool MakesThree(const Act& landing, const std::vector<Act>& counted,
                const Tally& tally, absl::TimeZone zone) {
  if (tally.opened < 2 || !IsBeside(landing, counted, zone)) return false;
  std::set<absl::CivilHour> hours = tally.hours;
  hours.insert(absl::ToCivilHour(landing.start, zone));
  return hours.size() >= 2 &&
         std::all_of(counted.begin(), counted.end(), [&](const Act& act) {
           return act.service != landing.service ||
                  absl::AbsDuration(act.start - landing.start) >= kRepeat;
         });
}

// Unspecified: not enough yet.
v1::Severity Judge(const std::vector<Act>& acts,
                   const std::vector<Act>& landings, Tier tier,
                   absl::TimeZone zone) {
  Tally tally = Count(acts, zone);
  switch (tier) {
    case Tier::kIllegal:
      return v1::SEVERITY_ILLEGAL;
    case Tier::kSerious:
      if (tally.opened >= 1 || tally.graded() >= 2 || tally.all() >= 3) {
        return v1::SEVERITY_SERIOUS;
      }
      if (tally.graded() >= 1 || tally.bare >= 2) {
        return v1::SEVERITY_RULE_BREAK;
      }
      break;
    case Tier::kRuleBreak:
      if (tally.graded() >= 2 || tally.all() >= 3) {
        return v1::SEVERITY_RULE_BREAK;
      }
      break;
    case Tier::kRoutine:
      if (tally.attempts >= 3 || tally.attempts + tally.bare >= 4) {
        return v1::SEVERITY_ROUTINE;
      }
      if (tally.all() >= 3 && tally.hours.size() >= 2) {
        return v1::SEVERITY_ROUTINE;
      }
      if (std::any_of(landings.begin(), landings.end(),
                      [&](const Act& landing) {
                        return MakesThree(landing, acts, tally, zone);
                      })) {
        return v1::SEVERITY_ROUTINE;
      }
      break;
    case Tier::kNone:
      break;
  }
  return v1::SEVERITY_UNSPECIFIED;
}

v1::Severity OneDown(v1::Severity severity) {
  if (severity == v1::SEVERITY_SERIOUS) return v1::SEVERITY_RULE_BREAK;
  if (severity == v1::SEVERITY_RULE_BREAK) return v1::SEVERITY_ROUTINE;
  return v1::SEVERITY_UNSPECIFIED;
}

// `acts` by time.
bool WithinTime(const std::vector<Act>& acts, size_t count,
                absl::Duration within) {
  if (within == absl::ZeroDuration()) return acts.size() >= count;
  for (size_t first = 0; first + count <= acts.size(); ++first) {
    if (acts[first + count - 1].start - acts[first].start <= within) {
      return true;
    }
  }
  return false;
}

v1::Severity JudgeBy(const std::vector<Act>& acts, Tier tier,
                     const Repeats& repeats, absl::TimeZone zone) {
  const Tally tally = Count(acts, zone);
  if (tier == Tier::kIllegal) return v1::SEVERITY_ILLEGAL;
  if (tier == Tier::kNone) return v1::SEVERITY_UNSPECIFIED;
  if (tier == Tier::kSerious && tally.opened > 0) return v1::SEVERITY_SERIOUS;
  // A bare contact proves less: one more is needed.
  const size_t needed =
      repeats.count + (static_cast<size_t>(tally.graded()) < repeats.count);
  if (acts.size() < needed) return v1::SEVERITY_UNSPECIFIED;
  const v1::Severity severity = SeverityOf(tier);
  return WithinTime(acts, needed, repeats.within) ? severity
                                                  : OneDown(severity);
}

void DropOlder(std::vector<Act>& acts, absl::Time now, absl::TimeZone zone) {
  std::erase_if(acts, [&](const Act& act) {
    return SchoolDaysBetween(act.start, now, zone) >= kWindowDays;
  });
}

// Whether a routine pattern is one of several days by what was opened or tried
// alone; until then nobody is interrupted for it.
bool IsThin(const Incident& incident, absl::TimeZone zone) {
  if (incident.severity != v1::SEVERITY_ROUTINE) return false;
  if (incident.by_landing) return true;
  return incident.acts.size() < kManyInOneDay &&
         absl::ToCivilDay(incident.acts.front().start, zone) ==
             absl::ToCivilDay(incident.acts.back().start, zone);
}

std::vector<Act> LandingsOf(const std::vector<Act>& acts) {
  std::vector<Act> landings;
  for (const Act& act : acts) {
    if (act.grade == v1::GRADE_LANDED) landings.push_back(act);
  }
  return landings;
}

void AddLanded(std::vector<Incident>& incidents,
               const std::vector<Act>& landings, absl::TimeZone zone) {
  for (Incident& incident : incidents) {
    for (const Act& landing : landings) {
      if (incident.landed.size() >= kMostActsInIncident) break;
      if (IsBeside(landing, incident.acts, zone)) {
        incident.landed.push_back(landing);
      }
    }
  }
}

}  // namespace

std::vector<Incident> FindIncidents(std::vector<Act> acts, Tier tier,
                                    absl::TimeZone zone,
                                    const std::optional<Repeats>& by_policy) {
  std::sort(acts.begin(), acts.end());
  const std::vector<Act> landings = LandingsOf(acts);
  const auto judge = [&](const std::vector<Act>& counted) {
    return by_policy ? JudgeBy(counted, tier, *by_policy, zone)
                     : Judge(counted, landings, tier, zone);
  };
  std::vector<Incident> incidents;
  std::vector<Act> waiting;
  Pacing pacing(zone);
  for (size_t at = 0; at < acts.size(); ++at) {
    const Act& act = acts[at];
    // The locked lists hold no host that pages embed: one contact is enough,
    // whatever it looked like.
    bool strong = tier == Tier::kIllegal || IsStrong(acts, at);
    if (!strong || !pacing.Counts(act)) continue;
    if (!incidents.empty() &&
        SchoolDaysBetween(incidents.back().acts.back().start, act.start,
                          zone) <= kIncidentGapDays) {
      Incident& open = incidents.back();
      if (open.acts.size() >= kMostActsInIncident) continue;
      open.acts.push_back(act);
      open.severity = std::max(open.severity, judge(open.acts));
      continue;
    }
    DropOlder(waiting, act.start, zone);
    waiting.push_back(act);
    v1::Severity severity = judge(waiting);
    if (severity == v1::SEVERITY_UNSPECIFIED) continue;
    incidents.push_back({severity, std::move(waiting), {}});
    waiting.clear();
  }
  AddLanded(incidents, landings, zone);
  for (Incident& incident : incidents) {
    incident.by_landing = !by_policy && Judge(incident.acts, {}, tier, zone) ==
                                            v1::SEVERITY_UNSPECIFIED;
    incident.thin = !by_policy && IsThin(incident, zone);
  }
  return incidents;
}

std::vector<Act> FindTransfer(std::vector<Act> acts, const Transfer& transfer) {
  std::erase_if(acts, [](const Act& act) { return act.bytes == 0; });
  std::sort(acts.begin(), acts.end());
  uint64_t sum = 0;
  size_t first = 0;
  for (size_t last = 0; last < acts.size(); ++last) {
    sum += acts[last].bytes;
    while (transfer.within > absl::ZeroDuration() && first < last &&
           acts[last].start - acts[first].end > transfer.within) {
      sum -= acts[first++].bytes;
    }
    if (sum >= transfer.bytes) {
      return {acts.begin() + static_cast<std::ptrdiff_t>(first),
              acts.begin() + static_cast<std::ptrdiff_t>(last) + 1};
    }
  }
  return {};
}

}  // namespace schoolgate::collector
