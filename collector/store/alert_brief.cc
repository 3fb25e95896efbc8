#include "collector/store/alert_brief.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace schoolgate::collector {
namespace {

constexpr char kAlias[] = "P-";

bool IsOfAlias(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
         c == '_';
}

std::set<std::string> AliasesIn(const std::string& bytes) {
  std::set<std::string> aliases;
  for (size_t at = bytes.find(kAlias); at != std::string::npos;
       at = bytes.find(kAlias, at + 1)) {
    const auto end =
        std::find_if_not(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                         bytes.end(), IsOfAlias);
    aliases.emplace(bytes.begin() + static_cast<std::ptrdiff_t>(at), end);
  }
  return aliases;
}

const char* AskedIn(const v1::Alert& alert) {
  if (alert.evidence_size() == 0) return "";
  const v1::AlertEvidence& line = alert.evidence(0);
  if (AsksForPass(line)) return "pass";
  return absl::StrContains(line.sentence(), " to be opened") ? "open" : "block";
}

}  // namespace

v1::Alert BriefOf(const v1::Alert& alert) {
  v1::Alert brief;
  brief.set_id(alert.id());
  brief.set_revision(alert.revision());
  brief.set_school(alert.school());
  brief.set_severity(alert.severity());
  brief.set_state(alert.state());
  brief.set_rule(alert.rule());
  brief.set_category(alert.category());
  brief.set_title(alert.title());
  brief.set_subject(alert.subject());
  brief.set_group(alert.group());
  brief.set_first_unix_us(alert.first_unix_us());
  brief.set_last_unix_us(alert.last_unix_us());
  brief.set_raised_unix_us(alert.raised_unix_us());
  brief.set_acknowledged_unix_us(alert.acknowledged_unix_us());
  brief.set_closed_unix_us(alert.closed_unix_us());
  if (alert.has_incident()) {
    brief.mutable_incident()->set_where(alert.incident().where());
    brief.mutable_incident()->set_outcome(alert.incident().outcome());
    brief.mutable_incident()->set_recorded_unix_us(
        alert.incident().recorded_unix_us());
  }
  if (alert.rule() == "person_asks") brief.set_why(AskedIn(alert));
  brief.set_sentence(absl::StrJoin(AliasesIn(alert.SerializeAsString()), " "));
  return brief;
}

bool AsksForPass(const v1::AlertEvidence& line) {
  return absl::StrContains(line.sentence(), absl::StrCat("\"", kAsksForPass));
}

bool MentionsTell(const std::string& pseudonym) {
  return pseudonym.empty() ||
         (pseudonym.starts_with(kAlias) &&
          std::all_of(pseudonym.begin(), pseudonym.end(), IsOfAlias));
}

}  // namespace schoolgate::collector
