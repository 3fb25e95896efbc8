#include "collector/detect/class_events.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/detect/evidence.h"
#include "collector/detect/tier.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostEvidence = 100;

// Whether some window of kWindow holds kDevices devices and `at` itself.
template <typename Seen>
bool Crowded(const Seen& sightings, absl::Time at) {
  std::vector<std::pair<absl::Time, const SharedText*>> near;
  for (const auto& sighting : sightings) {
    if (absl::AbsDuration(sighting.start - at) <= ClassEvents::kWindow) {
      near.emplace_back(sighting.start, &sighting.device);
    }
  }
  for (const auto& [from, unused] : near) {
    if (from > at || at - from > ClassEvents::kWindow) continue;
    std::set<const std::string*> devices;  // one for each text
    for (const auto& [when, device] : near) {
      if (when >= from && when - from <= ClassEvents::kWindow) {
        devices.insert(&device->str());
      }
    }
    if (devices.size() >= ClassEvents::kDevices) return true;
  }
  return false;
}

}  // namespace

std::set<ClassEvents::SubjectId> ClassEvents::Add(const SubjectId& who,
                                                  const std::string& category,
                                                  const Act& act) {
  std::set<SubjectId> again;
  if (act.service.empty()) return again;
  Service service{who.first, act.service};
  Sightings& all = sightings_[service];
  if (all.size() >= kMostSightings) all.erase(all.begin());
  bool fresh = all.insert({act.start, act.device, who.second, category,
                           act.host, act.epoch, act.sequence, act.action})
                   .second;
  if (fresh && Crowded(all, act.start)) {
    touched_.insert(service);
    for (const Sighting& other : all) {
      if (absl::AbsDuration(other.start - act.start) <= kWindow) {
        again.insert({who.first, other.subject});
      }
    }
  }
  if (act.page_hash == 0) return again;
  Pair pair{who.first, act.page_hash, act.service};
  if (pairs_.size() >= kMostPairs && !pairs_.contains(pair)) return again;
  auto& [devices, last] = pairs_[pair];
  last = std::max(last, act.start);
  if (devices.size() < kPairDevices && devices.insert(act.device).second &&
      devices.size() == kPairDevices) {
    for (const Sighting& other : all) again.insert({who.first, other.subject});
  }
  return again;
}

bool ClassEvents::Excuses(const std::string& school, const Act& act) const {
  auto pair = pairs_.find({school, act.page_hash, act.service});
  if (act.page_hash != 0 && pair != pairs_.end() &&
      pair->second.devices.size() >= kPairDevices) {
    return true;
  }
  auto all = sightings_.find({school, act.service});
  return all != sightings_.end() && all->second.size() >= kDevices &&
         Crowded(all->second, act.start);
}

std::vector<Finding> ClassEvents::Settle() {
  std::vector<Finding> out;
  for (const Service& service : touched_) SettleService(service, out);
  touched_.clear();
  return out;
}

void ClassEvents::SettleService(const Service& service,
                                std::vector<Finding>& out) {
  const Sightings& all = sightings_[service];
  Finding finding;
  std::set<std::string> devices;
  for (const Sighting& sighting : all) {
    if (!Crowded(all, sighting.start)) continue;
    // The latest event of this service only: a new day starts a new record.
    if (!finding.evidence.empty() &&
        sighting.start - finding.last > absl::Hours(2)) {
      finding = Finding();
      devices.clear();
    }
    if (finding.evidence.empty()) finding.first = sighting.start;
    finding.last = sighting.start;
    finding.category = sighting.category;
    devices.insert(sighting.device);
    if (finding.evidence.size() >= kMostEvidence) continue;
    Act act;
    act.start = sighting.start;
    act.end = sighting.start;
    act.device = sighting.device;
    act.host = sighting.host;
    act.epoch = sighting.epoch;
    act.sequence = sighting.sequence;
    act.action = sighting.action;
    finding.evidence.push_back(EvidenceOf(act));
  }
  if (finding.evidence.empty()) return;
  finding.school = service.first;
  finding.rule = "class_event";
  finding.subject = service.second;
  finding.severity = TierOf(finding.category) >= Tier::kSerious
                         ? v1::SEVERITY_SERIOUS
                         : v1::SEVERITY_ROUTINE;
  finding.devices = static_cast<uint32_t>(devices.size());
  finding.count = static_cast<uint32_t>(finding.evidence.size());
  finding.ungraded = finding.count;
  finding.services = 1;
  finding.key = absl::StrCat(service.first, "|class|", service.second);
  std::string words = absl::StrCat(absl::FormatTime(finding.first),
                                   finding.count, "/", finding.devices);
  if (std::exchange(told_[service], words) != words) {
    out.push_back(std::move(finding));
  }
}

void ClassEvents::Forget(absl::Time before) {
  for (auto& [service, all] : sightings_) {
    while (!all.empty() && all.begin()->start < before) all.erase(all.begin());
    if (all.empty()) told_.erase(service);
  }
  std::erase_if(sightings_,
                [](const auto& entry) { return entry.second.empty(); });
  // Or kMostPairs are reached one day, and no page is ever learned again.
  std::erase_if(pairs_,
                [&](const auto& entry) { return entry.second.last < before; });
}

}  // namespace schoolgate::collector
