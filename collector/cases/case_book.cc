#include "collector/cases/case_book.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "collector/cases/sentence.h"
#include "collector/cases/together.h"
#include "collector/cases/words.h"
#include "collector/detect/incident.h"
#include "collector/detect/school_days.h"
#include "collector/store/trace_id.h"

namespace schoolgate::collector {
namespace {

// Evidence older than this may be unknown to a detector that started anew.
constexpr absl::Duration kHistory = absl::Hours(24 * 14);
constexpr const char* kSystem = "system";
constexpr size_t kMostRaised = 10'000;  // looked through, of one school
constexpr size_t kDevicesNamed = 5;

bool IsWhole(const Finding& finding) {
  return finding.opened + finding.attempts + finding.ungraded > 0 ||
         finding.rule == "restricted_list";
}

// Findings about contacts bring all their evidence each time; those about a
// device bring one line, which joins what is there.
void MergeEvidence(const Finding& finding, absl::Time now, v1::Alert* alert) {
  using Key = std::tuple<int64_t, std::string, uint64_t, uint64_t>;
  std::map<Key, v1::AlertEvidence> lines;
  auto add = [&](const v1::AlertEvidence& line) {
    lines[{line.time_unix_us(), line.device(), line.epoch(), line.sequence()}] =
        line;
  };
  int64_t forgotten = absl::ToUnixMicros(now - kHistory);
  for (const v1::AlertEvidence& line : alert->evidence()) {
    if (!IsWhole(finding) || line.time_unix_us() < forgotten) add(line);
  }
  for (const v1::AlertEvidence& line : finding.evidence) add(line);
  alert->clear_evidence();
  uint32_t count = 0;
  for (auto& [key, line] : lines) {
    if (alert->evidence_size() >= static_cast<int>(kMostActsInIncident)) break;
    count += line.count();
    *alert->add_evidence() = std::move(line);
  }
  alert->set_count(count);
}

void Note(absl::Time now, const char* words, v1::Alert* alert) {
  v1::AlertNote* note = alert->add_notes();
  note->set_time_unix_us(absl::ToUnixMicros(now));
  note->set_author(kSystem);
  note->set_words(words);
}

// That of the event which made it an alert, the last one it rests on.
std::string TraceOf(const v1::Alert& alert) {
  if (alert.evidence().empty()) {
    return TraceIdOf(alert.device(), 0,
                     static_cast<uint64_t>(alert.raised_unix_us()));
  }
  const v1::AlertEvidence& last = *alert.evidence().rbegin();
  return TraceIdOf(last.device(), last.epoch(), last.sequence());
}

std::string Unversioned(v1::Alert alert) {
  alert.clear_revision();
  return alert.SerializeAsString();
}

}  // namespace

CaseBook::CaseBook(AlertStore& store, CaseOptions options)
    : store_(store), options_(std::move(options)) {}

absl::StatusOr<std::vector<v1::Alert>> CaseBook::Apply(
    std::span<const Finding> findings, absl::Time now) {
  std::vector<v1::Alert> changed;
  for (const Finding& finding : findings) {
    if (finding.severity == v1::SEVERITY_INFORMATION) continue;
    absl::Status status = ApplyOne(finding, now, changed);
    if (!status.ok()) return status;
  }
  return changed;
}

// The same for trouble that several devices may have together.
absl::StatusOr<uint64_t> CaseBook::FindShared(const Finding& finding) {
  AlertQuery query;
  query.school = finding.school;
  query.raised_from = finding.first - kHistory;
  query.limit = kMostRaised;
  query.brief = true;
  absl::StatusOr<std::vector<v1::Alert>> alerts = store_.Find(query);
  if (!alerts.ok()) return alerts.status();
  std::stable_sort(alerts->begin(), alerts->end(),
                   [](const v1::Alert& a, const v1::Alert& b) {
                     return a.last_unix_us() > b.last_unix_us();
                   });
  for (const v1::Alert& brief : *alerts) {
    if (!MayBelong(finding, brief, options_.zone)) continue;
    const absl::StatusOr<v1::Alert> alert = store_.Get(brief.id());
    if (!alert.ok()) return alert.status();
    if (Belongs(finding, *alert)) return alert->id();
  }
  return uint64_t{0};
}

// The id of the alert that the finding belongs to; 0 when there is none.
absl::StatusOr<uint64_t> CaseBook::FindAlert(const Finding& finding) {
  if (MayShareAlert(finding)) return FindShared(finding);
  AlertQuery query;
  query.school = finding.school;
  query.subject = finding.subject;
  query.limit = 1000;
  absl::StatusOr<std::vector<v1::Alert>> alerts = store_.Find(query);
  if (!alerts.ok()) return alerts.status();
  uint64_t best = 0;
  int64_t best_last = 0;
  for (const v1::Alert& alert : *alerts) {
    if (alert.key() != finding.key) continue;
    absl::Time first = absl::FromUnixMicros(alert.first_unix_us());
    absl::Time last = absl::FromUnixMicros(alert.last_unix_us());
    if (SchoolDaysBetween(last, finding.first, options_.zone) > kMergeDays ||
        SchoolDaysBetween(finding.last, first, options_.zone) > kMergeDays) {
      continue;
    }
    if (best == 0 || alert.last_unix_us() > best_last) {
      best = alert.id();
      best_last = alert.last_unix_us();
    }
  }
  return best;
}

std::string CaseBook::NameOf(const std::string& device) const {
  return options_.device_name && !device.empty() ? options_.device_name(device)
                                                 : "";
}

// Of all devices that the alert will have, "laptop-3, laptop-7 and laptop-12";
// each line begins with that of its own.
absl::StatusOr<std::string> CaseBook::NameDevices(uint64_t id, absl::Time now,
                                                  Finding* finding) {
  const auto name = [this](const std::string& device) {
    std::string known = NameOf(device);
    return known.empty() ? device : known;
  };
  for (v1::AlertEvidence& line : finding->evidence) {
    line.set_sentence(absl::StrCat(name(line.device()), ": ", line.sentence()));
  }
  absl::StatusOr<v1::Alert> alert = v1::Alert();
  if (id != 0) alert = store_.Get(id);
  if (!alert.ok()) return alert.status();
  MergeEvidence(*finding, now, &*alert);
  std::set<std::string> names;
  for (const std::string& device : DevicesOf(*alert)) {
    names.insert(name(device));
  }
  return Listed({names.begin(), names.end()}, kDevicesNamed);
}

absl::Status CaseBook::ApplyOne(Finding finding, absl::Time now,
                                std::vector<v1::Alert>& changed) {
  absl::StatusOr<uint64_t> id = FindAlert(finding);
  if (!id.ok()) return id.status();
  if (finding.withdrawn) {
    return *id == 0 ? absl::OkStatus() : Withdraw(*id, now, changed);
  }
  // Asked before the store of alerts is locked: whoever holds the store of
  // devices may wait for that.
  absl::StatusOr<std::string> device_name =
      MayShareAlert(finding) ? NameDevices(*id, now, &finding)
                             : NameOf(finding.device);
  if (!device_name.ok()) return device_name.status();
  if (*id == 0) {
    v1::Alert alert;
    alert.set_state(v1::ALERT_STATE_NEW);
    alert.set_raised_unix_us(absl::ToUnixMicros(now));
    Renew(finding, *device_name, now, &alert);
    alert.set_trace_id(TraceOf(alert));
    absl::StatusOr<v1::Alert> stored = store_.Put(std::move(alert));
    if (!stored.ok()) return stored.status();
    changed.push_back(*std::move(stored));
    return absl::OkStatus();
  }
  bool same = false;
  absl::StatusOr<v1::Alert> stored =
      store_.Update(*id, [&](v1::Alert* alert) -> absl::Status {
        std::string before = Unversioned(*alert);
        Renew(AsPartOf(*alert, finding), *device_name, now, alert);
        same = Unversioned(*alert) == before;
        return same ? absl::AlreadyExistsError("nothing new")
                    : absl::OkStatus();
      });
  if (same) return absl::OkStatus();
  if (!stored.ok()) return stored.status();
  changed.push_back(*std::move(stored));
  return absl::OkStatus();
}

absl::Status CaseBook::Withdraw(uint64_t id, absl::Time now,
                                std::vector<v1::Alert>& changed) {
  bool same = false;
  absl::StatusOr<v1::Alert> stored =
      store_.Update(id, [&](v1::Alert* alert) -> absl::Status {
        same = alert->state() == v1::ALERT_STATE_CLOSED;
        if (same) return absl::AlreadyExistsError("closed already");
        alert->set_state(v1::ALERT_STATE_CLOSED);
        Note(now,
             "Withdrawn: what came in later shows that no person did this.",
             alert);
        return absl::OkStatus();
      });
  if (same) return absl::OkStatus();
  if (!stored.ok()) return stored.status();
  changed.push_back(*std::move(stored));
  return absl::OkStatus();
}

void CaseBook::Renew(const Finding& finding, const std::string& device_name,
                     absl::Time now, v1::Alert* alert) const {
  bool is_new = alert->id() == 0;
  int64_t last_before = alert->last_unix_us();
  v1::Severity severity_before = alert->severity();
  const bool was_thin = alert->rule() == kThinPattern;
  MergeEvidence(finding, now, alert);
  alert->set_school(finding.school);
  alert->set_key(finding.key);
  alert->set_rule(finding.rule);
  alert->set_category(finding.category);
  alert->set_severity(std::max(finding.severity, severity_before));
  alert->set_subject(finding.subject);
  if (!finding.group.empty()) alert->set_group(finding.group);
  if (!finding.clause.empty()) alert->set_clause(finding.clause);
  alert->set_device(finding.device);
  if (!device_name.empty()) alert->set_device_name(device_name);
  alert->set_first_unix_us(absl::ToUnixMicros(finding.first));
  alert->set_last_unix_us(absl::ToUnixMicros(finding.last));
  if (alert->evidence_size() > 0) {
    alert->set_first_unix_us(
        std::min(alert->first_unix_us(), alert->evidence(0).time_unix_us()));
    alert->set_last_unix_us(
        std::max(alert->last_unix_us(),
                 alert->evidence(alert->evidence_size() - 1).time_unix_us()));
  }
  alert->set_late(alert->late() || finding.late);
  const Policy policy = PolicyOf(options_.policies, alert->school());
  PutInWords(finding, options_.zone, policy.get(), alert);
  if (is_new) return;
  bool grew = alert->last_unix_us() > last_before;
  if (alert->state() == v1::ALERT_STATE_CLOSED && grew) {
    Note(now, "Opened again: more happened after this was closed.", alert);
    alert->set_state(v1::ALERT_STATE_NEW);
    alert->clear_closed_unix_us();
  } else if ((alert->severity() > severity_before ||
              (was_thin && finding.rule != kThinPattern)) &&
             alert->state() == v1::ALERT_STATE_SEEN) {
    alert->set_state(v1::ALERT_STATE_NEW);
  }
}

}  // namespace schoolgate::collector
