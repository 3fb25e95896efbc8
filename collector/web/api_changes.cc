// The change log: what was changed about the filter, the collector and who is
// told, by whom, in a period. From the audit log, so that a line cannot be
// missing or different there.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "collector/cases/report.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 2000;
constexpr size_t kMostRows = 1000;

// Whose line it is: of the school that it is about, or of who did it.
enum class Of { kAbout, kWho, kAccount };

struct Change {
  const char* words;
  Of of;
  bool detail;  // nobody can be in it
};

const std::map<std::string, Change>& Changes() {
  static const auto& all = *new std::map<std::string, Change>{
      {"publish", {"New rules were published", Of::kAbout, true}},
      {"policy_in_force",
       {"The published policy came into force", Of::kAbout, true}},
      {"split_name_key",
       {"Shares of the key to names were made", Of::kAbout, true}},
      {"publish_pass", {"A lesson pass was published", Of::kWho, false}},
      {"propose_digest",
       {"Moving alerts between list and digest was proposed", Of::kWho, false}},
      {"agree_digest",
       {"Moving alerts between list and digest was agreed to", Of::kWho,
        false}},
      {"withdraw_digest",
       {"Moving alerts between list and digest was taken back", Of::kWho,
        false}},
      {"propose_retention",
       {"How long things are kept was approved by the first", Of::kWho, false}},
      {"agree_retention",
       {"How long things are kept was approved by the second", Of::kWho,
        false}},
      {"refuse_retention",
       {"How long things are kept was not approved", Of::kWho, false}},
      {"change_contact", {"Whom to tell was changed", Of::kWho, false}},
      {"upload_inventory",
       {"The list of computers was renewed", Of::kWho, false}},
      {"write_review",
       {"A meeting or review was put on record", Of::kWho, false}},
      {"sign_review", {"A yearly review was signed", Of::kWho, false}},
      {"add_account", {"An account was made", Of::kAccount, false}}};
  return all;
}

bool IsOfSchool(const AuditEntry& entry, const Change& change,
                const std::string& school, AccountStore& accounts) {
  if (change.of == Of::kAbout) {
    return entry.about == "all" || entry.about == school;
  }
  const auto account =
      accounts.Get(change.of == Of::kWho ? entry.who : entry.about);
  return account.ok() && account->school == school;
}

}  // namespace

// Entries are numbered by time, so the first one is found by halving.
absl::StatusOr<uint64_t> Api::LinesBefore(absl::Time time) {
  uint64_t low = 0, high = LastAuditNumber() + 1;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    const auto read = stores_.audit.Read(middle - 1, 1);
    if (!read.ok()) return read.status();
    const bool earlier = !read->empty() && read->front().time < time;
    (earlier ? low : high) = middle;
  }
  return low;
}

absl::StatusOr<Report> Api::ChangeFigures(const std::string& school,
                                          const Period& period) {
  ReportTable table;
  table.title = "Changes";
  table.columns = {"When", "Who", "What", "More"};
  const absl::Time to = absl::FromCivil(period.after, facts_.zone);
  absl::StatusOr<uint64_t> after =
      LinesBefore(absl::FromCivil(period.first, facts_.zone));
  if (!after.ok()) return after.status();
  bool over = false;
  while (!over && table.rows.size() < kMostRows) {
    const auto read = stores_.audit.Read(*after, kPage);
    if (!read.ok()) return read.status();
    over = read->empty();
    for (const AuditEntry& entry : *read) {
      *after = entry.number;
      over |= entry.time >= to;
      if (over || table.rows.size() >= kMostRows) break;
      const auto change = Changes().find(entry.action);
      if (change == Changes().end() ||
          !IsOfSchool(entry, change->second, school, stores_.accounts)) {
        continue;
      }
      table.rows.push_back(
          {absl::FormatTime("%Y-%m-%d %H:%M", entry.time, facts_.zone),
           NameOf(entry.who), change->second.words,
           change->second.detail ? entry.detail : std::string()});
    }
  }
  table.note =
      table.rows.empty() ? "Nothing was changed."
      : table.rows.size() < kMostRows
          ? "Each line stands in the record of looks as well, which "
            "nobody can change."
          : absl::StrCat("The first ", kMostRows, ": choose less time.");
  Report report;
  report.title = "Online safety: changes";
  report.period = period.words;
  report.tables = {std::move(table)};
  return report;
}

}  // namespace schoolgate::collector
