#include "collector/cases/report_words.h"

#include "absl/strings/ascii.h"
#include "collector/cases/report.h"
#include "collector/cases/sanctions.h"
#include "collector/cases/words.h"
#include "collector/policy/school_policies.h"

namespace schoolgate::collector {

std::string Capital(std::string words) {
  if (words.empty()) return words;
  words[0] = absl::ascii_toupper(static_cast<unsigned char>(words[0]));
  return words;
}

const char* SeverityWords(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_ILLEGAL:
      return "Illegal material";
    case v1::SEVERITY_SERIOUS:
      return "Serious";
    case v1::SEVERITY_RULE_BREAK:
      return "Rule break";
    default:
      return "Routine";
  }
}

std::string AreaWords(const v1::Alert& alert) {
  if (alert.rule() == "person_asks") return "Requests";
  if (alert.rule() == "out_of_hours" || !AccountKind(alert).empty()) {
    return "Conduct";
  }
  const std::string area = AreaOf(alert.category());
  return area == "device" ? "Devices" : Capital(area);
}

const std::vector<std::string>& Areas() {
  static const std::vector<std::string> areas = {
      "Content", "Contact", "Conduct", "Commerce", "Devices", "Requests"};
  return areas;
}

std::string GroupWords(const v1::CompiledPolicy* policy,
                       const std::string& group) {
  if (group.empty()) return "Not known";
  const std::string words = GroupTitle(policy, group);
  return Capital(words == group ? GroupName(group) : words);
}

}  // namespace schoolgate::collector
