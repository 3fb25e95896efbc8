#include "collector/web/review_facts.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/cases/report_words.h"
#include "collector/cases/sight.h"
#include "collector/cases/words.h"
#include "collector/web/device_json.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kYear = absl::Hours(24 * 365);
constexpr absl::Duration kNewKind = absl::Hours(24 * 30);
constexpr size_t kMostInTrouble = 20;
// One device of ten that is not protected is more than a repair.
constexpr uint64_t kTroubledShare = 10;

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

bool IsDeviceArea(const v1::Alert& alert) {
  return AreaWords(alert) == "Devices";
}

ReportTable Versions(std::span<const Device> devices) {
  std::map<std::string, uint64_t> rules, programs;
  for (const Device& device : devices) {
    if (device.state == DeviceState::kDecommissioned) continue;
    const v1::Heartbeat& beat = device.heartbeat;
    ++rules[beat.bundle_version() == 0
                ? "Rules: none yet"
                : absl::StrCat("Rules, version ", beat.bundle_version())];
    ++programs[beat.agent_version().empty()
                   ? "Program: not known"
                   : absl::StrCat("Program, version ", beat.agent_version())];
  }
  ReportTable table;
  table.title = "What they run";
  table.columns = {"What", "Devices"};
  for (const auto& counts : {rules, programs}) {
    for (const auto& [words, count] : counts) {
      table.rows.push_back({words, absl::StrCat(count)});
    }
  }
  return table;
}

ReportTable InTrouble(const DeviceList& list, absl::TimeZone zone) {
  ReportTable table;
  table.title = "Devices that need attention";
  table.columns = {"Device", "Inventory", "Last contact", "Why"};
  for (const JudgedDevice& one : list.found) {
    if (one.level != DeviceLevel::kProblem) continue;
    if (table.rows.size() == kMostInTrouble) {
      table.note = absl::StrCat("The first ", kMostInTrouble,
                                "; the page of devices has all of them.");
      break;
    }
    const Device& device = *one.device;
    table.rows.push_back(
        {device.hostname.empty() ? device.id : device.hostname,
         device.inventory_number,
         device.last_contact == absl::InfinitePast()
             ? "Never"
             : absl::FormatTime("%-d %b %Y %H:%M", device.last_contact, zone),
         one.words});
  }
  return table;
}

}  // namespace

std::vector<v1::Alert> CountedForAll(std::vector<v1::Alert> alerts,
                                     std::span<const Account> everybody) {
  std::erase_if(alerts, [&](const v1::Alert& alert) {
    return IsLocked(alert) ||
           (IsStaffGroup(alert.group()) && !IsDeviceArea(alert) &&
            alert.rule() != "person_asks") ||
           NamesAny(alert, everybody);
  });
  return alerts;
}

ReportTable DevicesNow(std::span<const Device> devices, absl::Time now) {
  const DeviceList list = ListOf(devices, "", now);
  ReportTable table;
  table.title = "Devices now";
  table.columns = {"How they are", "Devices"};
  for (const auto& [level, words] : {std::pair{"good", "Working"},
                                     {"check", "Worth a look"},
                                     {"problem", "Need attention"},
                                     {"retired", "Retired"}}) {
    table.rows.push_back({words, absl::StrCat(list.counts.at(level))});
  }
  return table;
}

ReportTable DeviceAlerts(std::span<const v1::Alert> alerts) {
  struct Sum {
    uint64_t raised = 0, open = 0;
    std::set<std::string> devices;
  };
  std::map<std::string, Sum> kinds;
  for (const v1::Alert& alert : alerts) {
    if (!IsDeviceArea(alert)) continue;
    Sum& sum = kinds[alert.title()];
    ++sum.raised;
    sum.open += alert.state() != v1::ALERT_STATE_CLOSED;
    sum.devices.insert(alert.subject());
  }
  ReportTable table;
  table.title = "What was raised about devices";
  table.note =
      "Each device tests its own filter at every start, after new rules and "
      "every six hours; a test that failed is one of these.";
  table.columns = {"What", "Times", "Devices", "Still open"};
  for (const auto& [title, sum] : kinds) {
    table.rows.push_back({title, absl::StrCat(sum.raised),
                          absl::StrCat(sum.devices.size()),
                          absl::StrCat(sum.open)});
  }
  return table;
}

Report DevicesReport(const Period& period, std::span<const Device> devices,
                     std::span<const v1::Alert> alerts, absl::Time now,
                     absl::TimeZone zone) {
  Report report;
  report.title = "Health of the devices";
  report.period = period.words;
  report.tables.push_back(DevicesNow(devices, now));
  report.tables.push_back(DeviceAlerts(alerts));
  report.tables.push_back(InTrouble(ListOf(devices, "", now), zone));
  report.tables.push_back(Versions(devices));
  return report;
}

std::span<const ReviewKind> ReviewKinds() {
  static constexpr std::array<ReviewKind, 3> kinds = {
      {{"meeting", "Meeting", absl::Hours(24 * 42), false},
       {"policy", "Review of the policy", kYear, false},
       {"provision", "Yearly review of filtering and monitoring", kYear,
        true}}};
  return kinds;
}

const ReviewKind* ReviewKindOf(const std::string& id) {
  for (const ReviewKind& kind : ReviewKinds()) {
    if (id == kind.id) return &kind;
  }
  return nullptr;
}

std::vector<std::string> ReasonsToReview(std::span<const v1::Alert> alerts,
                                         std::span<const Device> devices,
                                         absl::Time since, absl::Time now) {
  since = std::max(since, now - kYear);
  uint64_t serious = 0;
  std::map<std::string, absl::Time> first;
  for (const v1::Alert& alert : alerts) {
    const absl::Time raised = absl::FromUnixMicros(alert.raised_unix_us());
    const std::string& outcome = alert.incident().outcome();
    serious += raised >= since && alert.severity() == v1::SEVERITY_SERIOUS &&
               (outcome == "handled" || outcome == "referred");
    if (alert.category().empty()) continue;
    const auto known = first.try_emplace(alert.category(), raised).first;
    known->second = std::min(known->second, raised);
  }
  std::vector<std::string> reasons, fresh;
  if (serious > 0) {
    reasons.push_back(absl::StrCat(
        Counted(serious, "serious incident was", "serious incidents were"),
        " confirmed."));
  }
  for (const auto& [category, begun] : first) {
    if (begun >= std::max(since, now - kNewKind)) {
      fresh.push_back(CategoryWords(category));
    }
  }
  // Where everything is new there is nothing to compare with.
  if (!fresh.empty() && fresh.size() < first.size()) {
    reasons.push_back(absl::StrCat(
        "Alerts of a kind that did not come before: ", Listed(fresh, 5), "."));
  }
  const DeviceList list = ListOf(devices, "", now);
  const uint64_t problem = list.counts.at("problem");
  const uint64_t active = devices.size() - list.counts.at("retired");
  if (problem > 1 && problem * kTroubledShare > active) {
    reasons.push_back(absl::StrCat(problem, " of ",
                                   Counted(active, "device", "devices"),
                                   " are not protected as they should be."));
  }
  return reasons;
}

}  // namespace schoolgate::collector
