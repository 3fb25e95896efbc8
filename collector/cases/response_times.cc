#include "collector/cases/response_times.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "collector/cases/report_words.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kLeastForAMonth = 5;

struct Step {
  absl::Duration within;
  const char* words;
};
constexpr std::array kSteps = {
    Step{absl::Minutes(15), "within 15 minutes"},
    Step{absl::Hours(1), "within an hour"},
    Step{absl::Hours(4), "within 4 hours"},
    Step{absl::Hours(24), "within a day"},
    Step{absl::Hours(72), "within 3 days"},
    Step{absl::Hours(168), "within a week"},
};

// From being raised to the moment; a moment of 0 is none.
absl::Duration Took(const v1::Alert& alert, int64_t moment_us) {
  return std::max(absl::ZeroDuration(),
                  absl::Microseconds(moment_us - alert.raised_unix_us()));
}

// The time within which this share of them lies: an element, never a mean.
absl::Duration Within(std::vector<absl::Duration> times, double share) {
  std::sort(times.begin(), times.end());
  const auto at =
      static_cast<size_t>(share * static_cast<double>(times.size()) + 0.999999);
  return times[std::clamp<size_t>(at, 1, times.size()) - 1];
}

std::string DurationWords(absl::Duration time) {
  const int64_t minutes =
      absl::ToInt64Minutes(absl::Ceil(time, absl::Minutes(1)));
  if (minutes <= 1) return "1 minute";
  if (minutes < 120) return absl::StrCat(minutes, " minutes");
  if (minutes < 48 * 60) return absl::StrCat((minutes + 30) / 60, " hours");
  return absl::StrCat((minutes + 720) / 1440, " days");
}

struct Tally {
  std::vector<absl::Duration> looked_at, closed;
  size_t unread = 0, open = 0;
  size_t unknown = 0;  // handled before times were kept
};

void Count(const v1::Alert& alert, Tally* tally) {
  const bool handled = alert.state() != v1::ALERT_STATE_NEW;
  const bool done = alert.state() == v1::ALERT_STATE_CLOSED;
  // Withdrawn by the program: no person had anything to do.
  if (done && alert.incident().outcome().empty()) return;
  if (alert.acknowledged_unix_us() != 0) {
    tally->looked_at.push_back(Took(alert, alert.acknowledged_unix_us()));
  } else if (handled) {
    ++tally->unknown;
  } else {
    ++tally->unread;
  }
  if (!done) {
    ++tally->open;
  } else if (alert.closed_unix_us() != 0) {
    tally->closed.push_back(Took(alert, alert.closed_unix_us()));
  }
}

std::vector<std::string> RowOf(const std::string& name,
                               const std::vector<absl::Duration>& times,
                               size_t waiting) {
  return {name, absl::StrCat(times.size()),
          times.empty() ? "–" : DurationWords(Within(times, 0.5)),
          times.empty() ? "–" : DurationWords(Within(times, 0.9)),
          absl::StrCat(waiting)};
}

// Those that still wait count, too: what nobody looked at was not quick.
std::string StepWords(std::vector<absl::Duration> times, size_t waiting) {
  times.resize(times.size() + waiting, absl::InfiniteDuration());
  if (times.size() < kLeastForAMonth) return "";
  const absl::Duration half = Within(times, 0.5);
  if (half == absl::InfiniteDuration()) return "not yet";
  for (const Step& step : kSteps) {
    if (half <= step.within) return step.words;
  }
  return "in more than a week";
}

}  // namespace

void NoteResponse(absl::Time now, v1::Alert* alert) {
  const int64_t us = absl::ToUnixMicros(now);
  if (alert->acknowledged_unix_us() == 0 &&
      alert->state() != v1::ALERT_STATE_NEW) {
    alert->set_acknowledged_unix_us(us);
  }
  if (alert->state() != v1::ALERT_STATE_CLOSED) {
    alert->clear_closed_unix_us();
  } else if (alert->closed_unix_us() == 0) {
    alert->set_closed_unix_us(us);
  }
}

std::vector<ReportTable> ResponseTables(std::span<const v1::Alert> alerts) {
  static const std::vector<std::string> order = {"Illegal material", "Serious",
                                                 "Rule break", "Routine"};
  std::map<std::string, Tally> tallies;
  size_t unknown = 0;
  for (const v1::Alert& alert : alerts) {
    Tally& tally = tallies[SeverityWords(alert.severity())];
    Count(alert, &tally);
  }
  for (const auto& [name, tally] : tallies) unknown += tally.unknown;
  std::vector<ReportTable> tables(2);
  tables[0].title = "How soon somebody looked";
  tables[0].note =
      "From the alert to the first thing that a person did with it, nights and "
      "weekends included.";
  tables[0].columns = {"Severity", "Looked at", "Half within", "9 in 10 within",
                       "Nobody yet"};
  tables[1].title = "How soon it was finished";
  tables[1].note = "From the alert to its closing.";
  tables[1].columns = {"Severity", "Closed", "Half within", "9 in 10 within",
                       "Not finished"};
  if (unknown > 0) {
    absl::StrAppend(&tables[0].note, " ", unknown,
                    unknown == 1 ? " was" : " were",
                    " handled before times were kept.");
  }
  for (const std::string& name : order) {
    const auto found = tallies.find(name);
    if (found == tallies.end()) continue;
    const Tally& tally = found->second;
    tables[0].rows.push_back(RowOf(name, tally.looked_at, tally.unread));
    tables[1].rows.push_back(RowOf(name, tally.closed, tally.open));
  }
  return tables;
}

std::vector<MonthlyResponse> ResponseByMonth(std::span<const v1::Alert> alerts,
                                             absl::TimeZone zone) {
  std::map<std::string, Tally> months;
  for (const v1::Alert& alert : alerts) {
    const std::string month = absl::FormatTime(
        "%Y-%m", absl::FromUnixMicros(alert.raised_unix_us()), zone);
    Count(alert, &months[month]);
  }
  std::vector<MonthlyResponse> all;
  for (auto month = months.rbegin(); month != months.rend(); ++month) {
    all.push_back({month->first,
                   StepWords(month->second.looked_at, month->second.unread),
                   StepWords(month->second.closed, month->second.open)});
  }
  return all;
}

}  // namespace schoolgate::collector
