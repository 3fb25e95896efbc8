// Who has less of the internet for a time, by the school's published policy.
// Nobody is named: beside the alias of an alert, a log-in and its dates would
// tell who that is, without the two people that it takes to open a name.
#include "collector/cases/alert_json.h"
#include "collector/web/api.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::collector {
namespace {

std::string TitleOf(const v1::CompiledPolicy& policy, uint32_t group) {
  return group < static_cast<uint32_t>(policy.groups_size())
             ? policy.groups(static_cast<int>(group)).title()
             : "";
}

}  // namespace

Response Api::ListRestrictions(const Caller& caller) {
  if (auto failed = Record(caller.account.name, "view_restrictions", "", "")) {
    return *failed;
  }
  const Policy policy = PolicyOf(stores_.policies, caller.account.school);
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  nlohmann::json list = nlohmann::json::array();
  nlohmann::json groups = nlohmann::json::array();
  if (policy != nullptr) {
    for (const v1::PolicyGroup& group : policy->groups()) {
      if (group.strictest() || group.id() == rules::kEndedGroup) continue;
      groups.push_back({{"id", group.id()}, {"title", group.title()}});
    }
    for (const v1::Restriction& one : policy->restrictions()) {
      if (rules::IsGuestsEnd(*policy, one)) continue;
      const int64_t end = one.expires_unix_s();
      list.push_back({{"group", one.group_plus_1() == 0
                                    ? ""
                                    : TitleOf(*policy, one.group_plus_1() - 1)},
                      {"to", TitleOf(*policy, one.to())},
                      {"from", TimeWord(one.from_unix_s() * 1'000'000)},
                      {"until", TimeWord((end - 1) * 1'000'000)},
                      {"reason", one.reason()},
                      {"asked_by", one.asked_by()},
                      {"approver", one.approver()},
                      {"state", now >= end                ? "over"
                                : now < one.from_unix_s() ? "later"
                                                          : "now"}});
    }
  }
  return JsonAnswer({{"restrictions", std::move(list)},
                     {"groups", std::move(groups)},
                     {"policy", policy == nullptr ? "" : policy->title()}});
}

}  // namespace schoolgate::collector
