#include "collector/cases/effect.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/precision.h"
#include "collector/cases/report_words.h"
#include "collector/cases/words.h"
#include "collector/store/alert_brief.h"
#include "rules/policy/calendar.h"

namespace schoolgate::collector {
namespace {

// Beyond these a kind of alert is one of "all others".
constexpr size_t kMostKinds = 20;

bool IsRequest(const v1::Alert& alert) { return alert.rule() == "person_asks"; }

std::string InTime(int64_t us) {
  const int64_t minutes = us / 60'000'000;
  if (minutes < 90) return absl::StrCat(minutes, " minutes");
  if (minutes < 48 * 60) return absl::StrCat((minutes + 30) / 60, " hours");
  return absl::StrCat((minutes + 720) / 1440, " days");
}

ReportTable WhatTheFilterDid(std::span<const HourCount> counts) {
  std::map<std::string, std::array<uint64_t, 3>> areas;
  for (const HourCount& one : counts) {
    const size_t at = one.action == v1::ACTION_BLOCK  ? 0
                      : one.action == v1::ACTION_WARN ? 1
                                                      : 2;
    const std::string area = AreaOf(one.category);
    areas[area == "device" ? "Other" : Capital(area)][at] += one.contacts;
  }
  ReportTable table;
  table.title = "What the filter did";
  table.note =
      "Contacts that the policy covers. What it does not cover leaves the "
      "device in no number.";
  table.columns = {"Area", "Blocked", "Warned about", "Reached and recorded"};
  for (const auto& [area, sums] : areas) {
    table.rows.push_back({area, absl::StrCat(sums[0]), absl::StrCat(sums[1]),
                          absl::StrCat(sums[2])});
  }
  return table;
}

struct Asked {
  uint64_t all = 0, granted = 0, refused = 0, waiting = 0, in_lessons = 0;
};

// Of a whole alert as well as of a brief one.
std::string KindAsked(const v1::Alert& alert) {
  return alert.evidence_size() > 0 ? BriefOf(alert).why() : alert.why();
}

}  // namespace

ReportTable HowOftenRight(std::span<const v1::Alert> alerts) {
  std::vector<v1::Alert> judged;
  for (const v1::Alert& alert : alerts) {
    if (!IsRequest(alert)) judged.push_back(alert);
  }
  ReportTable table;
  table.title = "How often alerts were right";
  table.note = "As those said who closed them.";
  table.columns = {"Kind", "Raised", "Right", "False alarm", "Not judged"};
  for (const KindPrecision& one : PrecisionOf(judged)) {
    if (table.rows.size() == kMostKinds) break;
    const size_t slash = one.kind.find('/');
    const std::string category = one.kind.substr(slash + 1);
    table.rows.push_back(
        {category.empty() ||
                 absl::StrContains(one.title, CategoryWords(category))
             ? one.title
             : absl::StrCat(one.title, ", ", CategoryWords(category)),
         absl::StrCat(one.alerts), absl::StrCat(one.right),
         absl::StrCat(one.wrong),
         absl::StrCat(one.alerts - one.right - one.wrong)});
  }
  return table;
}

ReportTable HowSoon(std::span<const v1::Alert> alerts) {
  std::map<v1::Severity, std::pair<uint64_t, std::vector<int64_t>>,
           std::greater<>>
      waits;
  for (const v1::Alert& alert : alerts) {
    if (IsRequest(alert)) continue;
    auto& [open, closed] = waits[alert.severity()];
    const int64_t written = alert.incident().recorded_unix_us();
    if (alert.state() != v1::ALERT_STATE_CLOSED) {
      ++open;
    } else if (written >= alert.raised_unix_us()) {
      closed.push_back(written - alert.raised_unix_us());
    }
  }
  ReportTable table;
  table.title = "How soon they were closed";
  table.note =
      "From raising an alert to its incident log. What a program withdrew "
      "itself is not counted.";
  table.columns = {"Severity", "Open", "Closed", "Half within",
                   "Nine of ten within"};
  for (auto& [severity, both] : waits) {
    auto& [open, closed] = both;
    if (open == 0 && closed.empty()) continue;
    std::sort(closed.begin(), closed.end());
    const auto at = [&](size_t tenths) {
      return closed.empty()
                 ? std::string("-")
                 : InTime(closed[std::min(closed.size() - 1,
                                          closed.size() * tenths / 10)]);
    };
    table.rows.push_back({SeverityWords(severity), absl::StrCat(open),
                          absl::StrCat(closed.size()), at(5), at(9)});
  }
  return table;
}

ReportTable WhatPeopleAsked(std::span<const v1::Alert> alerts,
                            const v1::CompiledPolicy* policy) {
  const rules::Calendar calendar =
      policy == nullptr
          ? rules::Calendar()
          : rules::Calendar(policy->calendar(), policy->schedules());
  std::map<std::string, Asked> kinds = {
      {"pass", {}}, {"open", {}}, {"block", {}}};
  for (const v1::Alert& alert : alerts) {
    if (!IsRequest(alert)) continue;
    Asked& one = kinds[KindAsked(alert)];
    ++one.all;
    const std::string& outcome = alert.incident().outcome();
    if (alert.state() != v1::ALERT_STATE_CLOSED) {
      ++one.waiting;
    } else {
      ++(outcome == "handled" || outcome == "referred" ? one.granted
                                                       : one.refused);
    }
    const int64_t first = alert.first_unix_us() != 0 ? alert.first_unix_us()
                                                     : alert.raised_unix_us();
    one.in_lessons += calendar.InLesson(first / 1'000'000);
  }
  ReportTable table;
  table.title = "What people asked for, and what lessons missed";
  table.note =
      "A host that had to be asked for is one that a lesson missed. Asked in a "
      "lesson: somebody was kept waiting.";
  table.columns = {"Asked for",   "Times",   "Dealt with",
                   "Not granted", "Waiting", "Asked in a lesson"};
  for (const auto& [kind, words] :
       {std::pair{"pass", "A lesson pass"},
        {"open", "A host to be opened"},
        {"block", "A host to be blocked: the filter missed it"}}) {
    const Asked& one = kinds[kind];
    table.rows.push_back(
        {words, absl::StrCat(one.all), absl::StrCat(one.granted),
         absl::StrCat(one.refused), absl::StrCat(one.waiting),
         policy == nullptr ? "Not known" : absl::StrCat(one.in_lessons)});
  }
  return table;
}

Report EffectReport(const Period& period, std::span<const v1::Alert> alerts,
                    std::span<const HourCount> counts,
                    const v1::CompiledPolicy* policy) {
  Report report;
  report.title = "Online safety: does the policy work?";
  report.period = period.words;
  report.tables.push_back(WhatTheFilterDid(counts));
  report.tables.push_back(HowOftenRight(alerts));
  report.tables.push_back(HowSoon(alerts));
  report.tables.push_back(WhatPeopleAsked(alerts, policy));
  return report;
}

}  // namespace schoolgate::collector
