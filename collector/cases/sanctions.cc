#include "collector/cases/sanctions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/cases/words.h"
#include "collector/detect/tier.h"
#include "rules/policy/calendar.h"
#include "rules/policy/explain_words.h"
#include "rules/policy/sanctions.h"

namespace schoolgate::collector {
namespace {

constexpr std::string_view kIllegalStep =
    "Stop here. Do not look for the site and do not examine the computer: "
    "switch off its screen, leave everything else as it is, keep people away "
    "from it, and call the police. Two senior people handle this together.";

std::string_view RowId(const SanctionQuery& query) {
  std::string_view category = query.category;
  auto is = [&](auto... ids) { return ((category == ids) || ...); };
  bool staff = query.staff;
  if (TierOf(category) == Tier::kIllegal) return staff ? "SS1" : "SP1";
  if (IsWelfare(category)) return "";
  if (is("adult", "hate", "violence")) return staff ? "SS14" : "SP15";
  if (is("bypass", "remote-access")) return staff ? "SS12" : "SP13";
  if (is("piracy")) return staff ? "SS15" : "SP16";
  if (is("file-sharing", "software-download", "music-download")) {
    return staff ? "SS3" : "SP5";
  }
  if (staff) return "SS2";
  if (is("social", "messaging", "chat", "webmail", "dating",
         "anonymous-messaging")) {
    return "SP4";
  }
  return "SP2";
}

std::vector<std::string> InWords(const std::vector<std::string>& referrals) {
  std::vector<std::string> words;
  for (const std::string& id : referrals) {
    words.push_back(rules::ReferralWords(id));
  }
  return words;
}

// Opened, or tried more than once: somebody meant it, as far as can be seen.
bool LooksDeliberate(const v1::Alert& alert) {
  return alert.count() > 1 ||
         std::any_of(alert.evidence().begin(), alert.evidence().end(),
                     [](const v1::AlertEvidence& line) {
                       return line.action() != "blocked";
                     });
}

bool InLesson(const v1::CompiledPolicy& policy, const v1::Alert& alert) {
  const rules::Calendar calendar(policy.calendar(), policy.schedules());
  return std::any_of(alert.evidence().begin(), alert.evidence().end(),
                     [&](const v1::AlertEvidence& line) {
                       return calendar.InLesson(line.time_unix_us() / 1000000);
                     });
}

std::string RowInWords(const PolicyRow& row, bool staff) {
  if (row.id.empty()) {
    return "The school's policy has no row for this in its sanctions table: "
           "a person decides, and nothing has been done.";
  }
  std::string words = absl::StrCat(
      "For information, row ", row.id, " of the ", staff ? "staff" : "pupil",
      " table of the school's policy says: ",
      row.steps.empty() ? "nothing without a written reason"
                        : absl::StrJoin(row.steps, "; "),
      ".");
  if (!row.needs_reason.empty()) {
    absl::StrAppend(&words, " It also names ",
                    Listed(row.needs_reason, row.needs_reason.size()),
                    ": that needs a person's own written reason and is not "
                    "proposed here.");
  }
  return words + " A person decides; nothing has been done.";
}

}  // namespace

bool SelfReported(const v1::Alert& alert) {
  return std::any_of(alert.evidence().begin(), alert.evidence().end(),
                     [](const v1::AlertEvidence& line) {
                       return absl::StrContains(line.sentence(),
                                                "Reported by the person");
                     });
}

PolicyRow RowOf(const v1::CompiledPolicy& policy, const v1::Alert& alert,
                bool after_warning) {
  PolicyRow row;
  if (IsWelfare(alert.category())) return row;
  rules::Incident incident;
  incident.category = alert.category();
  incident.account = AccountKind(alert);
  incident.staff = IsStaffGroup(alert.group());
  incident.deliberate = LooksDeliberate(alert);
  incident.self_reported = SelfReported(alert);
  incident.in_lesson = InLesson(policy, alert);
  incident.after_warning = after_warning;
  const rules::Proposal proposal = rules::ProposeSanction(policy, incident);
  if (proposal.row == nullptr) return row;
  row.id = proposal.row->id();
  row.incident = proposal.row->incident();
  row.steps = InWords(proposal.referrals);
  row.needs_reason = InWords(proposal.needs_reason);
  row.cautions = proposal.cautions;
  return row;
}

std::string_view AccountKind(const v1::Alert& alert) {
  if (alert.rule() == "shared_account") return "shared_account";
  if (alert.rule() == "staff_account") return "staff_account";
  return alert.rule() == "other_account" ? "account" : "";
}

bool WasConfirmed(const v1::Alert& alert) {
  const std::string& outcome = alert.incident().outcome();
  return alert.state() == v1::ALERT_STATE_CLOSED &&
         (outcome == "handled" || outcome == "referred");
}

bool EndedInWarning(const v1::Alert& alert) {
  return WasConfirmed(alert) &&
         absl::StrContains(
             absl::AsciiStrToLower(alert.incident().action_taken()), "warn");
}

const std::vector<SanctionRow>& SanctionRows() {
  static const std::vector<SanctionRow> rows = {
      {"SP1", "material that could be illegal", "head teacher", true},
      {"SP2", "non-educational sites during lessons", "class teacher; warning"},
      {"SP4", "social media, messaging apps or personal e-mail",
       "parents or carers informed; warning"},
      {"SP5", "unauthorised downloading or uploading of files",
       "class teacher; technical support"},
      {"SP13", "proxy sites or other means around the filter",
       "parents or carers informed; warning"},
      {"SP15",
       "deliberately accessing or trying to access offensive or "
       "pornographic material",
       "head teacher; parents or carers informed; further sanction", true},
      {"SP16", "material that infringes copyright",
       "head teacher; further sanction"},
      {"SS1", "material that could be illegal",
       "line manager; head teacher; disciplinary action", true},
      {"SS2", "inappropriate personal use of the internet",
       "line manager; head teacher; warning"},
      {"SS3", "unauthorised downloading or uploading of files",
       "line manager; technical support; warning"},
      {"SS12", "proxy sites or other means around the filter",
       "line manager; warning; suspension"},
      {"SS14",
       "deliberately accessing or trying to access offensive or "
       "pornographic material",
       "suspension; disciplinary action (the row names no head teacher: "
       "involve the head)",
       true},
      {"SS15", "breaching copyright or licensing",
       "head teacher; disciplinary action"},
  };
  return rows;
}

const SanctionRow* SanctionRowFor(const SanctionQuery& query) {
  std::string_view id = RowId(query);
  for (const SanctionRow& row : SanctionRows()) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string NextStep(const v1::Alert& alert, bool is_person, bool ask_first,
                     const v1::CompiledPolicy* policy) {
  if (alert.severity() == v1::SEVERITY_ILLEGAL) {
    return std::string(kIllegalStep);
  }
  if (IsWelfare(alert.category())) {
    return "This is about the person's welfare, not a rule: speak with them "
           "in a calm place, follow the child protection procedure and keep "
           "it out of the sanctions table.";
  }
  std::string words =
      ask_first   ? "Ask first: let the person tell how it came about. "
      : is_person ? "Hear the person before you decide: how did it come about? "
                  : "";
  if (!is_person) {
    words +=
        "Find out who used the device at that time before anything "
        "else. ";
  }
  if (policy != nullptr) {
    return words + RowInWords(RowOf(*policy, alert, false),
                              IsStaffGroup(alert.group()));
  }
  const SanctionRow* row =
      !AccountKind(alert).empty()
          ? nullptr
          : SanctionRowFor({alert.category(), IsStaffGroup(alert.group())});
  if (row == nullptr) return words + "Decide what fits the school's policy.";
  absl::StrAppend(&words, "For information, the ",
                  IsStaffGroup(alert.group()) ? "staff" : "pupil",
                  " table of the school's policy lists for ",
                  absl::string_view(row->incident.data(), row->incident.size()),
                  ": ", absl::string_view(row->steps.data(), row->steps.size()),
                  ".");
  if (row->police) {
    words +=
        " The row also names the police: that step needs a person's own "
        "reason, it is not proposed here.";
  }
  return words + " A person decides; nothing has been done.";
}

}  // namespace schoolgate::collector
