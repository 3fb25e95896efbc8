#include "collector/cases/together.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/detect/school_days.h"

namespace schoolgate::collector {
namespace {

// As in a class event.
constexpr absl::Duration kTogether = absl::Minutes(10);
// Silence shows a school day later, and devices go to sleep one by one.
constexpr absl::Duration kSameDay = absl::Hours(12);

// "agent_stopped", "tamper|root_cert": the key without school and device.
std::string Trouble(const Finding& finding) {
  const size_t before = finding.school.size() + finding.device.size() + 2;
  return finding.key.substr(std::min(before, finding.key.size()));
}

bool HasLineOf(const v1::Alert& alert, const std::string& device) {
  return std::any_of(
      alert.evidence().begin(), alert.evidence().end(),
      [&](const v1::AlertEvidence& line) { return line.device() == device; });
}

}  // namespace

bool MayShareAlert(const Finding& finding) {
  const std::string& rule = finding.rule;
  return rule == "agent_stopped" || rule == "silent_device" ||
         rule == "tamper" || rule == "stale_rules" || rule == "rules_refused";
}

bool MayBelong(const Finding& finding, const v1::Alert& alert,
               absl::TimeZone zone) {
  return alert.school() == finding.school && alert.rule() == finding.rule &&
         SchoolDaysBetween(absl::FromUnixMicros(alert.last_unix_us()),
                           finding.first, zone) <= kMergeDays &&
         SchoolDaysBetween(finding.last,
                           absl::FromUnixMicros(alert.first_unix_us()),
                           zone) <= kMergeDays;
}

bool Belongs(const Finding& finding, const v1::Alert& alert) {
  if (alert.key() != absl::StrCat(alert.school(), "|", alert.subject(), "|",
                                  Trouble(finding))) {
    return false;
  }
  if (HasLineOf(alert, finding.device)) return true;
  const absl::Time first = absl::FromUnixMicros(alert.first_unix_us());
  const absl::Time last = absl::FromUnixMicros(alert.last_unix_us());
  // Whoever closed it has not seen what came after.
  if (alert.state() == v1::ALERT_STATE_CLOSED) {
    return finding.first >= first && finding.last <= last;
  }
  const absl::Duration near =
      finding.rule == "silent_device" ? kSameDay : kTogether;
  return finding.first <= last + near && finding.last >= first - near;
}

Finding AsPartOf(const v1::Alert& alert, Finding finding) {
  if (!MayShareAlert(finding)) return finding;
  finding.key = alert.key();
  finding.subject = alert.subject();
  finding.device = alert.device();
  finding.first =
      std::min(finding.first, absl::FromUnixMicros(alert.first_unix_us()));
  finding.last =
      std::max(finding.last, absl::FromUnixMicros(alert.last_unix_us()));
  return finding;
}

std::set<std::string> DevicesOf(const v1::Alert& alert) {
  std::set<std::string> devices;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    devices.insert(line.device());
  }
  return devices;
}

}  // namespace schoolgate::collector
