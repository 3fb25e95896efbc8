#include "collector/cases/policy_says.h"

#include <algorithm>

#include "collector/cases/alert_json.h"
#include "collector/cases/words.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

json RowJson(const PolicyRow& row) {
  return {{"id", row.id},
          {"incident", row.incident},
          {"steps", row.steps},
          {"needs_reason", row.needs_reason},
          {"cautions", row.cautions}};
}

bool IsAbout(const v1::CompiledPolicy& policy, const v1::PolicyRule& rule,
             const std::string& category) {
  return std::any_of(rule.categories().begin(), rule.categories().end(),
                     [&](uint32_t index) {
                       const int at = static_cast<int>(index);
                       return at < policy.categories_size() &&
                              policy.categories(at).id() == category;
                     });
}

std::string RoleTitle(const v1::CompiledPolicy& policy, const std::string& id) {
  for (const v1::PolicyRole& role : policy.roles()) {
    if (role.id() == id && !role.title().empty()) return role.title();
  }
  return id;
}

// What people wrote down before the alert: warnings, and what they confirmed
// after the first of them.
struct Warnings {
  const v1::Alert* last = nullptr;
  int count = 0;
  int confirmed_since = 0;
};

int64_t RecordedAt(const v1::Alert& alert) {
  return alert.incident().recorded_unix_us();
}

Warnings WarningsBefore(const v1::Alert& alert,
                        std::span<const v1::Alert> earlier) {
  Warnings warnings;
  const v1::Alert* first = nullptr;
  for (const v1::Alert& one : earlier) {
    if (one.id() == alert.id() || !EndedInWarning(one) ||
        RecordedAt(one) > alert.last_unix_us()) {
      continue;
    }
    ++warnings.count;
    if (warnings.last == nullptr ||
        RecordedAt(one) > RecordedAt(*warnings.last)) {
      warnings.last = &one;
    }
    if (first == nullptr || RecordedAt(one) < RecordedAt(*first)) first = &one;
  }
  for (const v1::Alert& one : earlier) {
    warnings.confirmed_since += first != nullptr && one.id() != alert.id() &&
                                one.id() != first->id() && WasConfirmed(one) &&
                                one.first_unix_us() > RecordedAt(*first) &&
                                one.first_unix_us() < alert.first_unix_us();
  }
  return warnings;
}

}  // namespace

const v1::PolicyClause* ClauseOf(const v1::CompiledPolicy& policy,
                                 const v1::Alert& alert) {
  if (!alert.clause().empty()) {
    for (const v1::PolicyClause& clause : policy.clauses()) {
      if (clause.text() == alert.clause() || clause.id() == alert.clause()) {
        return &clause;
      }
    }
  }
  const v1::PolicyClause* trusts = nullptr;
  for (const v1::PolicyRule& rule : policy.matrix()) {
    if (!IsAbout(policy, rule, alert.category()) || rule.clause() < 0 ||
        rule.clause() >= policy.clauses_size()) {
      continue;
    }
    const v1::PolicyClause* clause = &policy.clauses(rule.clause());
    // The school's own sentence goes before that of its trust.
    if (rule.origin() == v1::RULE_ORIGIN_SCHOOL) return clause;
    if (trusts == nullptr) trusts = clause;
  }
  return trusts;
}

json PolicySays(const v1::Alert& alert, const Readers& readers,
                std::span<const v1::Alert> earlier) {
  const Policy policy = PolicyOf(readers.policies, alert.school());
  if (policy == nullptr) return nullptr;
  json says = {{"title", policy->title()},
               {"group", GroupTitle(policy.get(), alert.group())}};
  if (alert.category().empty() && AccountKind(alert).empty()) return says;
  if (const v1::PolicyClause* clause = ClauseOf(*policy, alert)) {
    says["clause"] = {{"id", clause->id()},
                      {"quote", clause->quote()},
                      {"says", clause->says()}};
  }
  const PolicyRow row = RowOf(*policy, alert, false);
  if (!row.id.empty()) says["row"] = RowJson(row);
  const Warnings warnings = WarningsBefore(alert, earlier);
  if (const v1::Alert* warned = warnings.last) {
    const PolicyRow continued = RowOf(*policy, alert, true);
    if (!continued.id.empty() && continued.id != row.id) {
      says["continued"] = {
          {"since", TimeWord(warned->incident().recorded_unix_us())},
          {"alert", warned->id()},
          {"warnings", warnings.count},
          {"confirmed_since", warnings.confirmed_since},
          {"row", RowJson(continued)}};
    }
  }
  if (const auto route = RouteOf(*policy, alert, readers)) {
    json told = json::array();
    for (const std::string& role : route->to) {
      told.push_back(RoleTitle(*policy, role));
    }
    says["told"] = std::move(told);
    says["within_minutes"] = route->within_minutes;
  }
  return says;
}

}  // namespace schoolgate::collector
