#include "rules/decide.h"

#include "rules/bundle/host_name.h"
#include "rules/judge.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {

Decision Decide(const Ruleset& rules, const Question& question) {
  const auto host = HostName::Parse(question.host);
  // What is no host has no categories: the group's default answers.
  return Judge(rules.tables(), rules.overlays(),
               host.has_value() ? host->text() : std::string_view(),
               rules.Categories(question.host), question);
}

std::string_view RestrictedAnswer(const Ruleset& rules,
                                  const Question& question) {
  const PolicyTables& tables = rules.tables();
  const int group = tables.Group(question.group);
  for (const int index : tables.RestrictedAnswers(question.host)) {
    const auto& answer = tables.policy().restricted_answers(index);
    // Who is nobody known gets the strictest answer, here as elsewhere.
    if (group < 0 || tables.policy().groups(group).strictest()) {
      return answer.answer();
    }
    for (const uint32_t named : answer.groups()) {
      if (tables.GroupIs(group, static_cast<int>(named))) {
        return answer.answer();
      }
    }
  }
  return {};
}

std::string_view ActionName(Action action) {
  switch (action) {
    case Action::kAllow:
      return "allow";
    case Action::kRecord:
      return "record";
    case Action::kWarn:
      return "warn";
    case Action::kBlock:
      return "block";
  }
  return "block";
}

}  // namespace schoolgate::rules
