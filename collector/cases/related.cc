#include "collector/cases/related.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace schoolgate::collector {
namespace {

absl::Time TimeOf(const v1::AlertEvidence& line) {
  return absl::FromUnixMicros(line.time_unix_us());
}

// One of them, or a host below it: "www.bet.test" and "bet.test".
bool SameSite(std::string_view a, std::string_view b) {
  if (a.size() < b.size()) std::swap(a, b);
  if (b.empty() || b.find('.') == std::string_view::npos) return false;
  return a == b || (a.ends_with(b) && a[a.size() - b.size() - 1] == '.');
}

bool IsNear(absl::Time a, absl::Time b) {
  return absl::AbsDuration(a - b) <= kSameTime;
}

// What somebody could have done; empty: nothing of the kind.
std::string_view HostOf(const v1::Event& event) {
  if (event.has_contact()) {
    const v1::Contact& contact = event.contact();
    const bool nobody = contact.locked() || contact.session_locked() ||
                        contact.process() == v1::PROCESS_KIND_OTHER ||
                        contact.process() == v1::PROCESS_KIND_RESOLVER;
    return nobody ? std::string_view() : std::string_view(contact.host());
  }
  if (!event.has_episode()) return {};
  const v1::Episode& episode = event.episode();
  if (episode.locked() || episode.process() == v1::PROCESS_KIND_OTHER) {
    return {};
  }
  return episode.front_host().empty() ? std::string_view(episode.service())
                                      : std::string_view(episode.front_host());
}

}  // namespace

std::vector<TimeSpan> TimesOf(const v1::Alert& alert) {
  std::vector<TimeSpan> times;
  if (alert.severity() == v1::SEVERITY_ILLEGAL) return times;
  std::vector<absl::Time> all;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    if (!line.host().empty()) all.push_back(TimeOf(line));
  }
  std::sort(all.rbegin(), all.rend());
  for (const absl::Time time : all) {
    if (!times.empty() && times.back().from <= time + kSameTime) {
      times.back().from = time - kSameTime;
      continue;
    }
    if (times.size() == kMostTimes) break;
    times.push_back({time - kSameTime, time + kSameTime});
  }
  return times;
}

std::map<std::string, SameHost> OthersAt(const v1::Alert& alert,
                                         std::span<const StoredEvent> events) {
  std::map<std::string, SameHost> others;
  std::set<std::string> own{alert.device(), alert.subject()};
  for (const v1::AlertEvidence& line : alert.evidence()) {
    own.insert(line.device());
  }
  for (const StoredEvent& event : events) {
    const std::string_view host = HostOf(event.event);
    if (host.empty() || own.contains(event.device) ||
        own.contains(event.event.person().pseudonym())) {
      continue;
    }
    for (const v1::AlertEvidence& line : alert.evidence()) {
      if (!IsNear(TimeOf(line), event.happened) ||
          !SameSite(line.host(), host)) {
        continue;
      }
      SameHost& one = others[line.host()];
      if (one.devices.empty()) one.first = one.last = event.happened;
      one.devices.insert(event.device);
      one.first = std::min(one.first, event.happened);
      one.last = std::max(one.last, event.happened);
      break;
    }
  }
  return others;
}

std::vector<std::string> SharedHosts(const v1::Alert& alert,
                                     const v1::Alert& other) {
  if (other.id() == alert.id() || other.subject() == alert.subject() ||
      other.severity() == v1::SEVERITY_ILLEGAL ||
      alert.severity() == v1::SEVERITY_ILLEGAL) {
    return {};
  }
  std::set<std::string> shared;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    for (const v1::AlertEvidence& theirs : other.evidence()) {
      if (IsNear(TimeOf(line), TimeOf(theirs)) &&
          SameSite(line.host(), theirs.host())) {
        shared.insert(line.host());
      }
    }
  }
  return {shared.begin(), shared.end()};
}

}  // namespace schoolgate::collector
