#include <cstdio>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "collector/cases/report.h"
#include "collector/cases/words.h"
#include "collector/cli/check_report.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/cli/sealed_file.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"
#include "platform/usage.h"
#include "platform/written_time.h"

namespace schoolgate::collector {
namespace {

using Row = std::vector<std::string>;

struct Options {
  DataDirectory directory;
  std::string reader, school, from, to, output, seal_to;
};

const char* ActionWord(v1::Action action) {
  switch (action) {
    case v1::ACTION_BLOCK:
      return "blocked";
    case v1::ACTION_WARN:
      return "warned";
    case v1::ACTION_RECORD:
      return "recorded";
    default:
      return "allowed";
  }
}

// The days that were asked for. They are days: the options are checked.
Period PeriodOf(const Options& options) {
  Period period{.first = *platform::ReadDay(options.from),
                .after = *platform::ReadDay(options.to) + 1};
  for (absl::CivilMonth month(period.first);
       month < absl::CivilMonth(period.after); ++month) {
    period.months.push_back(month);
  }
  return period;
}

// What of the options does not go together, or nothing.
std::string Mistake(const Options& options) {
  const Period period = PeriodOf(options);
  const std::string days =
      absl::StrCat("--from ", options.from, " --to ", options.to);
  if (period.after <= period.first) {
    return absl::StrCat(days, ": ends before it begins: change them round");
  }
  if (options.reader == "governors" &&
      (period.first.day() != 1 || period.after.day() != 1)) {
    return absl::StrCat(days,
                        ": governors get whole months: write them like "
                        "--from 2026-09-01 --to 2026-12-31");
  }
  return "";
}

// The figures of the dashboard's governors' report, which no subtraction
// undoes: whole months, in bands, as they were first published.
absl::StatusOr<std::vector<Row>> ForGovernors(const Options& options,
                                              absl::TimeZone zone) {
  const Period period = PeriodOf(options);
  auto alerts = OpenAlerts(options.directory);
  if (!alerts.ok()) return alerts.status();
  auto accounts = OpenAccounts(options.directory);
  if (!accounts.ok()) return accounts.status();
  auto published = OpenAgreements(options.directory);
  if (!published.ok()) return published.status();
  const auto everybody = (*accounts)->All();
  if (!everybody.ok()) return everybody.status();
  auto found = AlertsForGovernors(**alerts, options.school, period, **published,
                                  zone, *everybody);
  if (!found.ok()) return found.status();
  const absl::StatusOr<Report> report =
      GovernorsReport(options.school, period, *found, **published,
                      platform::SystemClock().Now(), zone);
  if (!report.ok()) return report.status();
  std::vector<Row> rows = {report->tables[0].columns};
  rows.insert(rows.end(), report->tables[0].rows.begin(),
              report->tables[0].rows.end());
  return rows;
}

std::vector<Row> ForLeads(const std::vector<HourCount>& counts,
                          absl::TimeZone zone) {
  std::map<Row, uint64_t> sums;
  for (const HourCount& count : counts) {
    sums[{absl::FormatTime("%Y-%m-%d", count.hour, zone),
          GroupName(count.group), CategoryWords(count.category),
          ActionWord(count.action)}] += count.contacts;
  }
  std::vector<Row> rows = {{"day", "group", "category", "action", "contacts"}};
  for (const auto& [key, contacts] : sums) {
    Row& row = rows.emplace_back(key);
    row.push_back(absl::StrCat(contacts));
  }
  return rows;
}

std::string Csv(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    absl::StrAppend(
        &text,
        absl::StrJoin(row, ",",
                      [](std::string* out, const std::string& cell) {
                        absl::StrAppend(
                            out, "\"",
                            absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
                      }),
        "\r\n");
  }
  return text;
}

std::string Html(const std::vector<Row>& rows, const std::string& title,
                 const std::string& foot) {
  const auto safe = [](const std::string& text) {
    return absl::StrReplaceAll(text,
                               {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
  };
  std::string text = absl::StrCat(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>",
      safe(title),
      "</title><style>body{font:16px sans-serif;margin:2em}"
      "td,th{padding:.3em 1em;text-align:left;border-bottom:1px solid #bbb}"
      "td:last-child{text-align:right}</style><h1>",
      safe(title), "</h1><table>");
  for (size_t i = 0; i < rows.size(); ++i) {
    const char* cell = i == 0 ? "th" : "td";
    absl::StrAppend(&text, "<tr>");
    for (const std::string& value : rows[i]) {
      absl::StrAppend(&text, "<", cell, ">", safe(value), "</", cell, ">");
    }
    absl::StrAppend(&text, "</tr>\n");
  }
  return absl::StrCat(text, "</table><p>", safe(foot), "</p></html>\n");
}

struct About {
  const char* title;
  const char* foot;
};

About AboutReport(const std::string& reader) {
  if (reader == "checks") {
    return {"Checks of the filter at ",
            "Each device asks, as a user would, for a test host of each "
            "category after every change of network or rules, at every start "
            "and every six hours. No real site is contacted."};
  }
  if (reader == "governors") {
    return {"Alerts at ",
            "Alerts are counted in bands, so that nobody can be found by "
            "taking one answer from another."};
  }
  return {"Contacts at ",
          "A contact is one connection to a host that the policy covers. It "
          "does not say that somebody read anything there."};
}

absl::StatusOr<std::vector<Row>> RowsOf(const Options& options, absl::Time from,
                                        absl::Time to, absl::TimeZone zone) {
  if (options.reader == "governors") return ForGovernors(options, zone);
  auto events = OpenEventsToRead(options.directory);
  if (!events.ok()) return events.status();
  if (options.reader == "checks") {
    auto devices = OpenDevices(options.directory);
    if (!devices.ok()) return devices.status();
    return CheckRecords(**events, **devices, options.school, from, to, zone);
  }
  const absl::StatusOr<std::vector<HourCount>> counts =
      (*events)->Counts(options.school, from, to);
  if (!counts.ok()) return counts.status();
  return ForLeads(*counts, zone);
}

absl::Status Write(const Options& options, const std::string& bytes) {
  if (options.output != kStandardOutput) {
    return WriteSecretFile(options.output, bytes);
  }
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return absl::OkStatus();
}

absl::Status Make(const Options& options) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  absl::Status status = CheckSchool(*config, options.school);
  if (!status.ok()) return status;
  absl::TimeZone zone;
  absl::LoadTimeZone(config->time_zone, &zone);
  const Period period = PeriodOf(options);
  const absl::StatusOr<std::vector<Row>> rows =
      RowsOf(options, absl::FromCivil(period.first, zone),
             absl::FromCivil(period.after, zone), zone);
  if (!rows.ok()) return rows.status();
  const About about = AboutReport(options.reader);
  const std::string title = absl::StrCat(about.title, options.school, ", ",
                                         options.from, " to ", options.to);
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  status =
      (*audit)->Append({.time = platform::SystemClock().Now(),
                        .who = "system",
                        .action = "report",
                        .about = options.school,
                        .detail = absl::StrCat(options.reader, " ",
                                               options.from, " ", options.to),
                        .hash = ""});
  if (!status.ok()) return status;
  const bool csv = options.output == kStandardOutput || IsCsv(options.output);
  std::string bytes = csv ? Csv(*rows) : Html(*rows, title, about.foot);
  if (!options.seal_to.empty()) {
    absl::StatusOr<std::string> sealed = SealForReader(options.seal_to, bytes);
    if (!sealed.ok()) return sealed.status();
    bytes = *std::move(sealed);
  }
  return Write(options, bytes);
}

}  // namespace

void AddReport(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "report",
      "Counts of contacts for governors or safety leads, or the checks of the "
      "filter");
  AddDataOption(*verb, &options->directory);
  verb->add_option("reader", options->reader,
                   "governors (whole months, in bands), leads (by day and "
                   "group), or checks (of the filter, by device)")
      ->required()
      ->check(CLI::IsMember({"governors", "leads", "checks"}));
  verb->add_option("--school", options->school, "The school's id")->required();
  verb->add_option("--from", options->from, "First day, 2026-09-01")
      ->required()
      ->check(CheckDay);
  verb->add_option("--to", options->to, "Last day")
      ->required()
      ->check(CheckDay);
  verb->add_option("-o,--output", options->output,
                   "FILE.csv or FILE.html, or - for CSV on standard output")
      ->required()
      ->check(CheckReportFile);
  verb->add_option("--seal-to", options->seal_to,
                   "Seal it to this public key (NAME.pub of seal-key): for "
                   "what is carried away on a stick or by mail");
  verb->callback([options, verb, exit_code] {
    const std::string mistake = Mistake(*options);
    if (!mistake.empty()) {
      *exit_code = platform::ComplainOfUsage(*verb, mistake);
      return;
    }
    const absl::Status status = Make(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
