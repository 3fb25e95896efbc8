#include "collector/web/set_up_facts.h"

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
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
  return JsonAnswer(facts);
}

}  // namespace schoolgate::collector
