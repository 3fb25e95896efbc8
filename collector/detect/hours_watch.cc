#include "collector/detect/hours_watch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "collector/detect/use.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostLines = 50;
constexpr auto kPupils =
    std::to_array<std::string_view>({"pupils", "ks1", "ks2"});

bool IsForPupils(const v1::CompiledPolicy& policy, const std::string& group) {
  const std::vector<std::string> all = GroupAndParents(policy, group);
  return std::any_of(all.begin(), all.end(), [](const std::string& one) {
    return std::find(kPupils.begin(), kPupils.end(), one) != kPupils.end();
  });
}

// On site only: at home a laptop has no closing time.
bool IsOnSite(const v1::Event& event) {
  return event.has_episode()   ? event.episode().place() != v1::PLACE_OFFSITE
         : event.has_contact() ? event.contact().place() != v1::PLACE_OFFSITE
                               : false;
}

std::string HostOf(const v1::Event& event) {
  if (event.has_contact()) {
    return event.contact().locked() ? "" : event.contact().host();
  }
  return event.episode().locked() ? "" : event.episode().front_host();
}

}  // namespace

void HoursWatch::Add(const StoredEvent& event) {
  if (!IsUse(event.event) || !IsOnSite(event.event)) return;
  const Policy policy = PolicyOf(policies_, event.school);
  if (policy == nullptr || !OpenHoursOf(*policy)) return;
  const DeviceId id(event.school, event.device);
  if (devices_.size() >= kMostDevices && !devices_.contains(id)) {
    ++refused_;
    return;
  }
  const v1::Person& person = event.event.person();
  const bool certain = person.confidence() == v1::CONFIDENCE_CERTAIN;
  std::set<Use>& uses = devices_[id];
  if (!uses.insert({event.happened, event.epoch, event.event.sequence(),
                    certain ? person.pseudonym() : std::string(),
                    person.group(), HostOf(event.event)})
           .second) {
    return;
  }
  if (uses.size() > kMostUses) uses.erase(uses.begin());
  touched_.insert(id);
}

Finding HoursWatch::About(const DeviceId& id, const Device& device,
                          const Sitting& sitting, const OpenHours& hours) {
  Finding finding;
  finding.school = id.first;
  finding.rule = "out_of_hours";
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.device = id.second;
  finding.first = sitting.front()->time;
  finding.last = sitting.back()->time;
  finding.count = static_cast<uint32_t>(sitting.size());
  finding.enforced = false;
  finding.threshold = InWords(hours);
  // One person's doing only when every use says so.
  const SharedText& person = sitting.front()->person;
  const bool one_person =
      !person.empty() &&
      std::all_of(sitting.begin(), sitting.end(),
                  [&](const Use* use) { return use->person == person; });
  finding.subject_is_person = one_person;
  finding.subject = one_person ? person.str() : id.second;
  finding.group = one_person ? sitting.front()->group.str() : device.group;
  for (const Use* use : sitting) {
    if (finding.evidence.size() >= kMostLines) break;
    v1::AlertEvidence& line = finding.evidence.emplace_back();
    line.set_time_unix_us(absl::ToUnixMicros(use->time));
    line.set_host(use->host);
    line.set_sentence(absl::StrCat(
        "Contacted host ",
        use->host.empty() ? "on the restricted list (sealed)" : use->host.str(),
        "."));
    line.set_device(id.second);
    line.set_epoch(use->epoch);
    line.set_sequence(use->sequence);
    line.set_count(1);
  }
  finding.key =
      absl::StrCat(id.first, "|", finding.subject, "|out_of_hours|", id.second);
  return finding;
}

void HoursWatch::TellIfNew(const DeviceId& id, Finding finding,
                           std::vector<Finding>& out) {
  const std::string words = absl::StrCat(finding.count, "/", finding.subject);
  std::string& told =
      told_[id][absl::StrCat(finding.key, absl::ToUnixMicros(finding.first))];
  if (std::exchange(told, words) != words) out.push_back(std::move(finding));
}

void HoursWatch::Judge(const DeviceId& id, const Device& device,
                       const v1::CompiledPolicy& policy, const OpenHours& hours,
                       std::vector<Finding>& out) {
  Sitting sitting;
  const auto close = [&] {
    if (sitting.size() >= hours.count) {
      TellIfNew(id, About(id, device, sitting, hours), out);
    }
    sitting.clear();
  };
  for (const Use& use : devices_[id]) {
    if (Holds(policy, hours.schedule, use.time)) continue;
    if (!sitting.empty() && use.time - sitting.back()->time > kOneSitting) {
      close();
    }
    sitting.push_back(&use);
  }
  if (!sitting.empty()) close();
}

void HoursWatch::OnTick(std::span<const Device> devices,
                        std::vector<Finding>& out) {
  if (touched_.empty()) return;
  for (const Device& device : devices) {
    const DeviceId id(device.school, device.id);
    if (touched_.erase(id) == 0) continue;
    const Policy policy = PolicyOf(policies_, device.school);
    if (policy == nullptr) continue;
    const std::optional<OpenHours> hours = OpenHoursOf(*policy);
    if (!hours || !IsForPupils(*policy, device.group)) continue;
    Judge(id, device, *policy, *hours, out);
  }
  touched_.clear();
}

void HoursWatch::Forget(absl::Time before) {
  for (auto& [id, uses] : devices_) {
    while (!uses.empty() && uses.begin()->time < before) {
      uses.erase(uses.begin());
    }
  }
  std::erase_if(devices_, [&](const auto& entry) {
    if (!entry.second.empty()) return false;
    told_.erase(entry.first);
    touched_.erase(entry.first);
    return true;
  });
}

}  // namespace schoolgate::collector
