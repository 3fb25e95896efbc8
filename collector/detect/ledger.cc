#include "collector/detect/ledger.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/detect/evidence.h"
#include "collector/detect/facts.h"
#include "collector/detect/school_days.h"
#include "collector/detect/tier.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kReportLinks = absl::Hours(24);
constexpr absl::Duration kLate = absl::Minutes(10);
constexpr absl::Duration kJoin = absl::Minutes(15);
constexpr absl::Duration kEpisodeTail = absl::Seconds(20);
constexpr absl::Duration kForgetEvery = absl::Hours(1);

bool IsWithin(std::string_view host, std::string_view service) {
  if (service.empty() || host.size() < service.size()) return false;
  if (!absl::EndsWith(absl::string_view(host.data(), host.size()),
                      absl::string_view(service.data(), service.size()))) {
    return false;
  }
  return host.size() == service.size() ||
         host[host.size() - service.size() - 1] == '.';
}

// The most serious of a host's categories; the first of equals.
template <typename Categories>
std::string Gravest(const Categories& categories) {
  std::string gravest;
  for (const std::string& category : categories) {
    if (category == "helpline") return "helpline";
    if (gravest.empty() || TierOf(category) > TierOf(gravest)) {
      gravest = category;
    }
  }
  return gravest;
}

// A flow that its bytes give away as a way round the filter or as file
// sharing. The device tells it again while it goes on; no page brings such in.
bool IsLabel(const v1::Contact& contact, std::string_view category) {
  return contact.source() == v1::NAME_SOURCE_FLOW &&
         !contact.session_locked() &&
         (category == "bypass" || category == "file-sharing" ||
          category == "remote-access");
}

bool IsPerson(const v1::Person& person) {
  return person.confidence() == v1::CONFIDENCE_CERTAIN &&
         !person.pseudonym().empty();
}

Act ActOf(const StoredEvent& event) {
  Act act;
  act.start = act.end = event.happened;
  act.received = event.received;
  act.device = event.device;
  act.epoch = event.epoch;
  act.sequence = event.event.sequence();
  act.group = event.event.person().group();
  return act;
}

v1::Severity OneUp(v1::Severity severity) {
  if (severity == v1::SEVERITY_ROUTINE) return v1::SEVERITY_RULE_BREAK;
  if (severity == v1::SEVERITY_RULE_BREAK) return v1::SEVERITY_SERIOUS;
  return severity;
}

}  // namespace

void Ledger::Add(const StoredEvent& event) {
  switch (event.event.kind_case()) {
    case v1::Event::kContact:
      return AddContact(event);
    case v1::Event::kEpisode:
      return AddEpisode(event);
    case v1::Event::kSelfReport:
      return AddReport(event);
    default:
      return;
  }
}

void Ledger::AddContact(const StoredEvent& event) {
  const v1::Contact& contact = event.event.contact();
  std::string category = Gravest(contact.categories());
  Tier tier = contact.locked() ? Tier::kIllegal : TierOf(category);
  if (tier == Tier::kNone) return;
  const bool label = IsLabel(contact, category);
  if (tier != Tier::kIllegal && !label) {
    if (grading_devices_.contains(event.device)) return;
    if (contact.action() != v1::ACTION_BLOCK || contact.session_locked()) {
      return;
    }
    if (contact.process() == v1::PROCESS_KIND_OTHER) return;
  }
  if (contact.process() == v1::PROCESS_KIND_RESOLVER) return;
  Act act = ActOf(event);
  act.host = tier == Tier::kIllegal ? "" : contact.host();
  act.service = act.host;
  act.clause = contact.clause();
  act.action = contact.action();
  act.label = label;
  Record(event, category, std::move(act));
}

void Ledger::AddEpisode(const StoredEvent& event) {
  const v1::Episode& episode = event.event.episode();
  EpisodesSeenFrom(event.school, event.device);
  Tier tier = episode.locked() ? Tier::kIllegal : TierOf(episode.category());
  if (tier == Tier::kNone) return;
  bool person_like = episode.grade() == v1::GRADE_OPENED ||
                     episode.grade() == v1::GRADE_ATTEMPT ||
                     episode.grade() == v1::GRADE_LANDED;
  if (episode.process() == v1::PROCESS_KIND_OTHER) person_like = false;
  if (tier != Tier::kIllegal && !person_like) return;
  Act act = ActOf(event);
  // The device's clock may be off; `happened` has it corrected.
  absl::Duration offset =
      event.happened - absl::FromUnixMicros(event.event.time_unix_us());
  if (episode.start_unix_us() != 0) {
    act.start = absl::FromUnixMicros(episode.start_unix_us()) + offset;
    act.end = absl::FromUnixMicros(episode.end_unix_us()) + offset;
  }
  if (act.end < act.start) act.end = act.start;
  bool sealed = tier == Tier::kIllegal;
  act.service = sealed ? "" : episode.service();
  act.host = sealed ? ""
                    : (episode.front_host().empty() ? episode.service()
                                                    : episode.front_host());
  act.clause = episode.clause();
  act.action = episode.action();
  act.grade = episode.grade();
  act.half_points = episode.half_points();
  act.contacts = std::max<uint32_t>(1, episode.contacts());
  act.bytes = episode.received_bytes() + episode.sent_bytes();
  act.page_hash = episode.page_hash();
  act.why = person_like ? FactsFor(episode) : FactsAgainst(episode);
  Record(event, episode.category(), std::move(act));
}

void Ledger::AddReport(const StoredEvent& event) {
  const v1::SelfReport& report = event.event.self_report();
  // The other kinds are requests, see request.h.
  if (report.kind() != v1::SelfReport::KIND_ACCIDENT) return;
  std::vector<Report>& reports = reports_[event.device];
  for (const Report& known : reports) {
    if (known.time == event.happened && known.host == report.host()) return;
  }
  if (reports.size() >= kMostReports) reports.erase(reports.begin());
  reports.push_back(
      {event.happened, report.host(), event.epoch, report.about_sequence()});
  for (const SubjectId& id : on_device_[event.device]) touched_.insert(id);
}

void Ledger::Record(const StoredEvent& event, const std::string& category,
                    Act act) {
  bool is_person = IsPerson(event.event.person());
  SubjectId id{event.school,
               is_person ? event.event.person().pseudonym() : event.device};
  if (subjects_.size() >= kMostSubjects && !subjects_.contains(id)) {
    ++refused_;
    return;
  }
  Subject& subject = subjects_[id];
  subject.is_person = is_person;
  std::map<Identity, Act>& acts = subject.categories[category].acts;
  Identity identity = act.Identity();
  if (acts.contains(identity)) return;
  if (acts.size() >= kMostActs) {
    acts.erase(std::min_element(
        acts.begin(), acts.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; }));
    ++refused_;
  }
  for (const SubjectId& other : class_events_.Add(id, category, act)) {
    touched_.insert(other);
  }
  acts.emplace(std::move(identity), std::move(act));
  on_device_[event.device].insert(id);
  touched_.insert(id);
}

// From its first episode on, a device's contacts prove nothing by themselves:
// those that were a person's doing come again as an episode.
void Ledger::EpisodesSeenFrom(const std::string& school,
                              const std::string& device) {
  if (!grading_devices_.insert(device).second) return;
  for (const SubjectId& id : on_device_[device]) {
    for (auto& [name, category] : subjects_[id].categories) {
      std::erase_if(category.acts, [&](const auto& entry) {
        const Act& act = entry.second;
        return act.device == device && !act.host.empty() && !act.label &&
               act.grade == v1::GRADE_UNSPECIFIED;
      });
    }
    touched_.insert(id);
  }
}

bool Ledger::Reported(const Act& act) const {
  auto reports = reports_.find(act.device);
  if (reports == reports_.end()) return false;
  for (const Report& report : reports->second) {
    if (report.about_sequence != 0 && report.about_sequence == act.sequence &&
        report.epoch == act.epoch) {
      return true;
    }
    bool same_host =
        !report.host.empty() &&
        (report.host == act.host || IsWithin(report.host, act.service.str()));
    if (same_host && report.time >= act.start - absl::Minutes(1) &&
        report.time <= act.end + kReportLinks) {
      return true;
    }
  }
  return false;
}

std::vector<Act> Ledger::Countable(const SubjectId& id,
                                   const std::string& category,
                                   const Category& kept) const {
  std::vector<Act> acts;
  for (const auto& [identity, act] : kept.acts) {
    bool sealed = act.host.empty();
    if (!sealed && class_events_.Excuses(id.first, act)) continue;
    bool covered = false;
    if (act.grade == v1::GRADE_UNSPECIFIED && !act.label) {
      for (const auto& [unused, other] : kept.acts) {
        covered |= other.grade != v1::GRADE_UNSPECIFIED &&
                   other.device == act.device &&
                   act.start >= other.start - absl::Seconds(2) &&
                   act.start <= other.end + kEpisodeTail;
      }
    }
    if (covered) continue;
    acts.push_back(act);
    acts.back().reported = Reported(act);
  }
  return acts;
}

std::vector<Finding> Ledger::Settle(absl::Time now) {
  if (now - last_forgot_ >= kForgetEvery) Forget(now);
  std::vector<Finding> out = class_events_.Settle();
  for (const SubjectId& id : touched_) {
    auto subject = subjects_.find(id);
    if (subject != subjects_.end()) SettleSubject(id, subject->second, out);
  }
  touched_.clear();
  return out;
}

void Ledger::SettleSubject(const SubjectId& id, Subject& subject,
                           std::vector<Finding>& out) {
  for (auto& [name, category] : subject.categories) {
    SettleCategory(id, subject, name, category, out);
  }
}

void Ledger::SettleCategory(const SubjectId& id, const Subject& subject,
                            const std::string& name, Category& category,
                            std::vector<Finding>& out) {
  Tier tier = TierOf(name);
  for (const auto& [identity, act] : category.acts) {
    if (act.host.empty()) tier = Tier::kIllegal;
  }
  const Policy policy = PolicyOf(policies_, id.first);
  const std::optional<Repeats> by_policy =
      policy == nullptr ? std::nullopt : RepeatsFor(*policy, name);
  std::vector<Told> told;
  for (const Incident& incident :
       FindIncidents(Countable(id, name, category), tier, zone_, by_policy)) {
    Finding finding = MakeFinding(id, subject, name, incident);
    if (by_policy) finding.threshold = InWords(*by_policy);
    Told now_told{
        finding.first, finding.last,
        absl::StrCat(finding.severity, "|", finding.count, "|", finding.landed,
                     "|", finding.self_reported, "|", finding.rule)};
    bool known = false;
    for (const Told& before : category.told) {
      known |= before.words == now_told.words &&
               before.first == now_told.first && before.last == now_told.last;
    }
    told.push_back(std::move(now_told));
    if (!known) out.push_back(std::move(finding));
  }
  // A new policy withdraws nothing: it was right when it was told.
  const uint64_t under = policies_ == nullptr ? 0 : policies_->generation();
  const bool same_rules = std::exchange(category.told_under, under) == under;
  for (const Told& before : category.told) {
    bool stands = std::any_of(told.begin(), told.end(), [&](const Told& t) {
      return t.first <= before.last && before.first <= t.last;
    });
    if (stands || !same_rules) continue;
    Finding finding;
    finding.school = id.first;
    finding.rule = "repeated_contacts";
    finding.category = name;
    finding.subject = id.second;
    finding.subject_is_person = subject.is_person;
    finding.first = before.first;
    finding.last = before.last;
    finding.withdrawn = true;
    finding.key = absl::StrCat(id.first, "|", id.second, "|", name);
    out.push_back(std::move(finding));
  }
  category.told = std::move(told);
  SettleTransfer(id, subject, name, category, out);
}

void Ledger::SettleTransfer(const SubjectId& id, const Subject& subject,
                            const std::string& name, Category& category,
                            std::vector<Finding>& out) const {
  const Policy policy = PolicyOf(policies_, id.first);
  const std::optional<Transfer> transfer =
      policy == nullptr ? std::nullopt : TransferFor(*policy, name);
  if (!transfer) return;
  std::vector<Act> acts = Countable(id, name, category);
  std::erase_if(acts, [&](const Act& act) {
    return act.host.empty() || act.end <= category.told_transfer ||
           !Holds(*policy, transfer->schedule, act.start);
  });
  Incident incident;
  incident.severity = v1::SEVERITY_ROUTINE;
  incident.acts = FindTransfer(std::move(acts), *transfer);
  if (incident.acts.empty()) return;
  category.told_transfer = incident.acts.back().end;
  Finding finding = MakeFinding(id, subject, name, incident);
  finding.rule = "bulk_transfer";
  finding.severity = v1::SEVERITY_ROUTINE;
  finding.joined_bypass = false;
  for (const Act& act : incident.acts) finding.bytes += act.bytes;
  finding.threshold = InWords(*transfer);
  absl::StrAppend(&finding.key, "|bulk");
  out.push_back(std::move(finding));
}

Finding Ledger::MakeFinding(const SubjectId& id, const Subject& subject,
                            const std::string& category,
                            const Incident& incident) const {
  Finding finding;
  finding.school = id.first;
  finding.subject = id.second;
  finding.subject_is_person = subject.is_person;
  finding.category = category;
  finding.severity = incident.severity;
  finding.first = incident.acts.front().start;
  finding.last = incident.acts.back().start;
  finding.key = absl::StrCat(id.first, "|", id.second, "|", category);
  std::set<std::string> services;
  for (const Act& act : incident.acts) {
    finding.device = act.device;
    if (!act.group.empty()) finding.group = act.group;
    if (!act.clause.empty()) finding.clause = act.clause;
    services.insert(act.service);
    finding.opened += act.grade == v1::GRADE_OPENED;
    finding.attempts += act.grade == v1::GRADE_ATTEMPT;
    finding.enforced &= act.action == v1::ACTION_BLOCK;
    finding.self_reported |= act.reported;
    finding.late |= act.received - act.start > kLate;
    finding.evidence.push_back(EvidenceOf(act));
  }
  finding.count = static_cast<uint32_t>(incident.acts.size());
  finding.ungraded = finding.count - finding.opened - finding.attempts;
  finding.labels = static_cast<uint32_t>(
      std::count_if(incident.acts.begin(), incident.acts.end(),
                    [](const Act& act) { return act.label; }));
  finding.services = static_cast<uint32_t>(services.size());
  finding.landed = static_cast<uint32_t>(incident.landed.size());
  finding.by_landing = incident.by_landing;
  if (incident.severity == v1::SEVERITY_ILLEGAL) {
    finding.rule = "restricted_list";
  } else if (category == "bypass") {
    finding.rule = "bypass";
  } else {
    finding.rule = finding.count == 1 ? "serious_contact"
                   : finding.enforced ? "repeated_blocked"
                                      : "repeated_contacts";
  }
  if (category != "bypass" && AfterBypass(subject, category, finding.first)) {
    finding.joined_bypass = true;
    finding.severity = OneUp(finding.severity);
  } else if (incident.thin) {
    finding.rule = kThinPattern;
  }
  return finding;
}

bool Ledger::AfterBypass(const Subject& subject, const std::string& category,
                         absl::Time first) const {
  auto bypass = subject.categories.find("bypass");
  if (bypass == subject.categories.end()) return false;
  for (const auto& [identity, act] : bypass->second.acts) {
    if (act.start <= first && first - act.start <= kJoin &&
        (act.grade == v1::GRADE_OPENED || act.grade == v1::GRADE_ATTEMPT ||
         act.label)) {
      return true;
    }
  }
  return false;
}

void Ledger::Forget(absl::Time now) {
  last_forgot_ = now;
  class_events_.Forget(now - kKeep);
  for (auto& [id, subject] : subjects_) {
    std::erase_if(subject.categories, [&](const auto& entry) {
      const Category& category = entry.second;
      bool all_old = true;
      for (const auto& [identity, act] : category.acts) {
        all_old &= std::max(act.start, act.received) < now - kKeep;
      }
      return all_old;
    });
  }
  std::erase_if(subjects_, [](const auto& entry) {
    return entry.second.categories.empty();
  });
  for (auto& [device, ids] : on_device_) {
    std::erase_if(ids,
                  [&](const SubjectId& id) { return !subjects_.contains(id); });
  }
  std::erase_if(on_device_, [](const auto& e) { return e.second.empty(); });
  for (auto& [device, reports] : reports_) {
    std::erase_if(reports, [&](const Report& report) {
      return report.time < now - kKeep;
    });
  }
  std::erase_if(reports_, [](const auto& e) { return e.second.empty(); });
}

}  // namespace schoolgate::collector
