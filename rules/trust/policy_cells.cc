#include "rules/trust/policy_cells.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/trust/signature.h"

namespace schoolgate::rules {
namespace {

constexpr v1::RuleOrigin kOrigins[] = {
    v1::RULE_ORIGIN_SCHOOL, v1::RULE_ORIGIN_TRUST, v1::RULE_ORIGIN_DEFAULT};

Condition NominationOf(const v1::Nominee& nominee) {
  return {"", nominee.from_unix_s(), nominee.expires_unix_s()};
}

bool Holds(const Situation& at, const Condition& condition) {
  const auto found = at.holds.find(condition);
  return found != at.holds.end() && found->second;
}

}  // namespace

v1::Action Effective(v1::Action action) {
  return action == v1::ACTION_UNSPECIFIED ? v1::ACTION_BLOCK : action;
}

const char* ActionWord(v1::Action action) {
  switch (Effective(action)) {
    case v1::ACTION_ALLOW:
      return "allow";
    case v1::ACTION_RECORD:
      return "record";
    case v1::ACTION_WARN:
      return "warn";
    default:
      return "block";
  }
}

bool PolicyCells::ForGroup(
    const google::protobuf::RepeatedField<uint32_t>& groups, int group) const {
  return std::any_of(groups.begin(), groups.end(), [&](uint32_t named) {
    return tables_.GroupIs(group, static_cast<int>(named));
  });
}

Condition PolicyCells::ScheduleCondition(
    const v1::PolicyException& exception) const {
  const v1::CompiledPolicy& policy = tables_.policy();
  v1::PolicySchedule schedule =
      policy.schedules(static_cast<int>(exception.schedule_plus_1()) - 1);
  schedule.clear_id();
  schedule.clear_title();
  schedule.clear_lesson();
  std::string text =
      absl::StrCat(calendar_mark_, "\n", schedule.SerializeAsString());
  if (schedule.day_kind() != v1::DAY_KIND_ANY) {
    v1::PolicyCalendar days;
    *days.mutable_terms() = policy.calendar().terms();
    *days.mutable_closed() = policy.calendar().closed();
    for (auto* spans : {days.mutable_terms(), days.mutable_closed()}) {
      for (v1::DaySpan& span : *spans) span.clear_title();
    }
    absl::StrAppend(&text, "\n", days.SerializeAsString());
  }
  return {text, 0, 0};
}

bool PolicyCells::Fits(const v1::PolicyException& exception, int group,
                       const Situation& at) const {
  if (exception.groups_size() > 0 && !ForGroup(exception.groups(), group)) {
    return false;
  }
  if (exception.place() != v1::PLACE_UNSPECIFIED &&
      exception.place() != at.place) {
    return false;
  }
  if (exception.nominees_size() > 0 &&
      std::none_of(exception.nominees().begin(), exception.nominees().end(),
                   [&](const v1::Nominee& nominee) {
                     return !at.user.empty() &&
                            absl::AsciiStrToLower(nominee.user()) == at.user &&
                            Holds(at, NominationOf(nominee));
                   })) {
    return false;
  }
  if (exception.schedule_plus_1() == 0) return true;
  return Holds(at, ScheduleCondition(exception)) !=
         exception.outside_schedule();
}

v1::Action PolicyCells::ActionOf(const v1::PolicyRule& rule, int group,
                                 const Situation& at) const {
  for (const v1::PolicyException& exception : rule.exceptions()) {
    if (Fits(exception, group, at)) return Effective(exception.action());
  }
  return Effective(rule.action());
}

bool PolicyCells::Opens(const v1::PolicyRule& rule, int group) const {
  return !tables_.policy().groups(group).allow_list_only() ||
         std::find(rule.groups().begin(), rule.groups().end(),
                   static_cast<uint32_t>(group)) != rule.groups().end();
}

std::vector<const v1::PolicyRule*> PolicyCells::Rows(int group,
                                                     int category) const {
  std::vector<const v1::PolicyRule*> rows;
  for (const int i : tables_.Rows(group, category)) {
    rows.push_back(&tables_.policy().matrix(i));
  }
  return rows;
}

v1::Action PolicyCells::Cell(int group, int category,
                             const Situation& at) const {
  bool any = false;
  bool covered = false;
  v1::Action strictest = v1::ACTION_ALLOW;
  for (const v1::PolicyRule* rule : Rows(group, category)) {
    const v1::Action action = ActionOf(*rule, group, at);
    const bool opens = Opens(*rule, group);
    covered = covered || opens;
    if (action != v1::ACTION_BLOCK && !opens) continue;
    any = true;
    strictest = std::max(strictest, action);
  }
  const v1::Action otherwise =
      Effective(tables_.policy().groups(group).default_action());
  if (!any || (!covered && otherwise > strictest)) return otherwise;
  return strictest;
}

v1::Action PolicyCells::Floor(int group, int category,
                              const Situation& at) const {
  v1::Action strictest = v1::ACTION_ALLOW;
  for (const v1::PolicyRule* rule : Rows(group, category)) {
    if (rule->origin() != v1::RULE_ORIGIN_TRUST) continue;
    const v1::Action action = ActionOf(*rule, group, at);
    if (action != v1::ACTION_BLOCK && !Opens(*rule, group)) continue;
    strictest = std::max(strictest, action);
  }
  return strictest;
}

bool PolicyCells::FromHosts(int group, std::string_view host,
                            v1::RuleOrigin origin, const Situation& at,
                            v1::Action* action) const {
  for (std::string_view suffix = host; !suffix.empty();
       suffix = ParentOf(suffix)) {
    const std::vector<int>* rules = tables_.HostRules(suffix);
    if (rules == nullptr) continue;
    bool any = false;
    for (const int i : *rules) {
      const v1::PolicyRule& rule = tables_.policy().host_rules(i);
      if (rule.origin() != origin || !ForGroup(rule.groups(), group)) continue;
      const v1::Action one = ActionOf(rule, group, at);
      if (one != v1::ACTION_BLOCK && !Opens(rule, group)) continue;
      *action = any ? std::max(*action, one) : one;
      any = true;
    }
    if (any) return true;
  }
  return false;
}

HostAnswer PolicyCells::Host(int group, std::string_view host,
                             const Situation& at) const {
  v1::Action school = v1::ACTION_ALLOW;
  v1::Action trust = v1::ACTION_ALLOW;
  const bool has_school =
      FromHosts(group, host, v1::RULE_ORIGIN_SCHOOL, at, &school);
  const bool has_trust =
      FromHosts(group, host, v1::RULE_ORIGIN_TRUST, at, &trust);
  if (has_trust) {
    return {HostAnswer::Kind::kPlain,
            has_school ? std::max(school, trust) : trust};
  }
  if (has_school ||
      FromHosts(group, host, v1::RULE_ORIGIN_DEFAULT, at, &school)) {
    return {HostAnswer::Kind::kFloored, school};
  }
  return {};
}

std::vector<const v1::PolicyRule*> PolicyCells::HostRows(
    int group, std::string_view host) const {
  std::vector<const v1::PolicyRule*> rows;
  for (std::string_view suffix = host; !suffix.empty();
       suffix = ParentOf(suffix)) {
    const std::vector<int>* rules = tables_.HostRules(suffix);
    if (rules == nullptr) continue;
    for (const v1::RuleOrigin origin : kOrigins) {
      for (const int i : *rules) {
        const v1::PolicyRule& rule = tables_.policy().host_rules(i);
        if (rule.origin() == origin && ForGroup(rule.groups(), group)) {
          rows.push_back(&rule);
        }
      }
    }
    rows.push_back(nullptr);  // the end of a suffix
  }
  return rows;
}

std::string PolicyCells::RuleText(const v1::PolicyRule& rule, int group) const {
  std::string text =
      absl::StrCat("rule ", rule.origin(), " ", Effective(rule.action()), " ",
                   Opens(rule, group) ? "opens" : "", "\n");
  for (const v1::PolicyException& exception : rule.exceptions()) {
    if (exception.groups_size() > 0 && !ForGroup(exception.groups(), group)) {
      continue;
    }
    absl::StrAppend(&text, "but ", Effective(exception.action()), " ",
                    exception.place(), " ", exception.outside_schedule(), " ");
    if (exception.schedule_plus_1() != 0) {
      absl::StrAppend(&text, Hex(ScheduleCondition(exception).schedule));
    }
    for (const v1::Nominee& nominee : exception.nominees()) {
      absl::StrAppend(&text, " ", absl::AsciiStrToLower(nominee.user()), " ",
                      nominee.from_unix_s(), " ", nominee.expires_unix_s());
    }
    text.push_back('\n');
  }
  return text;
}

std::string PolicyCells::CellText(int group, int category) const {
  const v1::PolicyGroup& facts = tables_.policy().groups(group);
  std::string text = absl::StrCat(Effective(facts.default_action()), " ",
                                  facts.allow_list_only(), "\n");
  for (const v1::PolicyRule* rule : Rows(group, category)) {
    text += RuleText(*rule, group);
  }
  return text;
}

std::string PolicyCells::HostText(int group, std::string_view host) const {
  std::string text;
  for (const v1::PolicyRule* rule : HostRows(group, host)) {
    text += rule == nullptr ? "--\n" : RuleText(*rule, group);
  }
  return text;
}

void PolicyCells::RuleConditions(const v1::PolicyRule& rule, int group,
                                 std::set<Condition>* conditions,
                                 std::set<std::string>* users) const {
  for (const v1::PolicyException& exception : rule.exceptions()) {
    if (exception.groups_size() > 0 && !ForGroup(exception.groups(), group)) {
      continue;
    }
    if (exception.schedule_plus_1() != 0) {
      conditions->insert(ScheduleCondition(exception));
    }
    for (const v1::Nominee& nominee : exception.nominees()) {
      conditions->insert(NominationOf(nominee));
      users->insert(absl::AsciiStrToLower(nominee.user()));
    }
  }
}

void PolicyCells::CellConditions(int group, int category,
                                 std::set<Condition>* conditions,
                                 std::set<std::string>* users) const {
  for (const v1::PolicyRule* rule : Rows(group, category)) {
    RuleConditions(*rule, group, conditions, users);
  }
}

void PolicyCells::HostConditions(int group, std::string_view host,
                                 std::set<Condition>* conditions,
                                 std::set<std::string>* users) const {
  for (const v1::PolicyRule* rule : HostRows(group, host)) {
    if (rule != nullptr) RuleConditions(*rule, group, conditions, users);
  }
}

}  // namespace schoolgate::rules
