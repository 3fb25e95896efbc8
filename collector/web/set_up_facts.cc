#include "collector/web/set_up_facts.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/policy/retention.h"
#include "collector/web/access.h"

namespace schoolgate::collector {
namespace {

// Mails and digests are named after their account. Webhooks are not: they are
// told where there is one school alone.
bool IsOf(const FeedProgress& feed, const std::vector<Account>& accounts,
          bool one_school) {
  if (feed.name.starts_with("webhook/")) return one_school;
  for (const Account& account : accounts) {
    if (feed.name == absl::StrCat("mail/", account.name) ||
        feed.name == absl::StrCat("digest/", account.name)) {
      return true;
    }
  }
  return false;
}

const char* ActionsWord(v1::Action action) {
  switch (action) {
    case v1::ACTION_BLOCK:
      return "block";
    case v1::ACTION_WARN:
      return "warn";
    case v1::ACTION_RECORD:
      return "record";
    default:
      return "allow";
  }
}

// What the school's published policy means for people's data. Null: none is
// published.
nlohmann::json PolicyFacts(const v1::CompiledPolicy* policy,
                           const Retention& keep) {
  if (policy == nullptr) return nullptr;
  std::set<std::string> recorded, away, never;
  for (const v1::PolicyRule& rule : policy->matrix()) {
    if (rule.silent() || rule.action() == v1::ACTION_ALLOW) continue;
    for (const uint32_t at : rule.categories()) {
      const v1::PolicyCategory& one = policy->categories(static_cast<int>(at));
      (one.nameless() ? never : recorded).insert(one.title());
      if (one.log_offsite() || one.locked()) away.insert(one.title());
    }
  }
  nlohmann::json roles = nlohmann::json::array();
  for (const v1::PolicyRole& role : policy->roles()) {
    if (role.vacant()) roles.push_back(role.title());
  }
  nlohmann::json groups = nlohmann::json::array();
  for (const v1::PolicyGroup& group : policy->groups()) {
    groups.push_back({{"title", group.title()},
                      {"named", !group.shared_accounts()},
                      {"history", group.personal_history()},
                      {"otherwise", ActionsWord(group.default_action())}});
  }
  const auto days = [](absl::Duration time) {
    return absl::ToInt64Hours(time) / 24;
  };
  return {{"title", policy->title()},
          {"mode", policy->mode()},
          {"notice_version", policy->notice_version()},
          {"recorded", recorded},
          {"recorded_away", away},
          {"blocked_unrecorded", never},
          {"never_recorded_hosts", policy->never_log_hosts_size()},
          {"vacant_roles", std::move(roles)},
          {"groups", std::move(groups)},
          {"keep_days",
           {{"contacts", days(keep.contacts)},
            {"health", days(keep.health)},
            {"cases", days(keep.cases)}}}};
}

}  // namespace

Response WithSetUp(const Response& notice, Stores& stores,
                   const Account& reader, absl::Time now) {
  nlohmann::json facts = nlohmann::json::parse(notice.body, nullptr, false);
  if (!facts.is_object()) return notice;
  nlohmann::json roles = nlohmann::json::object();
  std::vector<Account> accounts;
  int with_code = 0;
  bool one_school = true;
  if (auto all = stores.accounts.All(); all.ok()) {
    for (Account& one : *all) {
      const bool provider = one.role == Role::kItProvider;
      if (one.school != reader.school && !provider) {
        one_school = false;
        continue;
      }
      const char* role = RoleTitle(one.role);
      roles[role] = roles.value(role, 0) + 1;
      with_code += stores.second_factors != nullptr &&
                   stores.second_factors->Get(one.name).ok();
      accounts.push_back(std::move(one));
    }
  }
  nlohmann::json feeds = nlohmann::json::array();
  if (stores.feeds != nullptr && !reader.school.empty()) {
    if (const auto all = stores.feeds->All(); all.ok()) {
      for (const FeedProgress& feed : *all) {
        if (IsOf(feed, accounts, one_school)) feeds.push_back(feed.name);
      }
    }
  }
  const auto devices = stores.devices.All(reader.school);
  facts["version"] = SCHOOLGATE_VERSION;
  facts["now"] = TimeWord(absl::ToUnixMicros(now));
  facts["roles"] = std::move(roles);
  facts["accounts"] = accounts.size();
  facts["accounts_with_code"] = with_code;
  facts["devices"] = devices.ok() ? devices->size() : 0;
  facts["feeds"] = std::move(feeds);
  const absl::Duration day = absl::Hours(24);
  const absl::Duration events = day * facts.value("keep_event_days", 0);
  const Policy policy = PolicyOf(stores.policies, reader.school);
  facts["policy"] = PolicyFacts(
      policy.get(),
      RetentionBy(policy.get(),
                  {events, events, day * facts.value("keep_case_days", 0)}));
  return JsonAnswer(facts);
}

}  // namespace schoolgate::collector
