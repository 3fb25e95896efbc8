// How often alerts of each kind were right, and moving noisy kinds to the
// digest: two people agree.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/store/alert_brief.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kLookedAt = absl::Hours(24 * 90);
constexpr size_t kMostAlerts = 100'000;
constexpr size_t kKindLimit = 100;
// One a school day and 300 devices: what somebody can still look into.
constexpr int kAlertsADay = 3;

// What `caller` may see, raised in the last 90 days.
absl::StatusOr<std::vector<v1::Alert>> SeenLately(Stores& stores,
                                                  const Account& viewer,
                                                  const Readers& everybody,
                                                  absl::Time now) {
  AlertQuery query;
  query.school = viewer.school;
  query.limit = kMostAlerts;
  query.raised_from = now - kLookedAt;
  query.brief = MentionsTell(viewer.own_pseudonym);
  absl::StatusOr<std::vector<v1::Alert>> alerts = stores.alerts.Find(query);
  if (!alerts.ok()) return alerts;
  SightOfMany sight(viewer, everybody);
  std::erase_if(*alerts, [&](const v1::Alert& alert) {
    return sight(alert) != Sight::kFull;
  });
  return alerts;
}

}  // namespace

DigestKinds Api::KindsInDigest(const std::string& school) {
  return collector::KindsInDigest(stores_.agreements, school);
}

Response Api::ShowBudget(const Caller& caller) {
  const std::string& school = caller.account.school;
  const auto alerts =
      SeenLately(stores_, caller.account, Everybody(), clock_.Now());
  const absl::StatusOr<std::vector<DigestAgreement>> agreements =
      stores_.agreements == nullptr ? std::vector<DigestAgreement>()
                                    : stores_.agreements->Agreements(school);
  if (!alerts.ok() || !agreements.ok()) {
    return Refusal(503, "no_budget", "This cannot be read at the moment.");
  }
  if (auto failed = Record(caller.account.name, "view_budget", "", "")) {
    return *failed;
  }
  nlohmann::json kinds = nlohmann::json::array();
  for (const KindPrecision& one : PrecisionOf(*alerts)) {
    nlohmann::json line = {
        {"kind", one.kind},
        {"title", one.title},
        {"alerts", one.alerts},
        {"right", one.right},
        {"wrong", one.wrong},
        {"low", one.low},
        {"high", one.high},
        {"may_wait", one.may_wait},
        {"in_digest", WaitsByItself(one.kind) && one.may_wait}};
    for (const DigestAgreement& agreement : *agreements) {
      if (agreement.kind != one.kind) continue;
      line["in_digest"] = agreement.in_digest && one.may_wait;
      if (agreement.proposed_by.empty()) continue;
      line["proposed_by"] = NameOf(agreement.proposed_by);
      line["proposed_by_me"] = agreement.proposed_by == caller.account.name;
    }
    kinds.push_back(std::move(line));
  }
  return JsonAnswer({{"days", absl::ToInt64Hours(kLookedAt) / 24},
                     {"budget_a_day", kAlertsADay},
                     {"alerts", alerts->size()},
                     {"kinds", std::move(kinds)}});
}

// The first one proposes, a second one from another account agrees; whoever
// proposed may take it back.
Response Api::ChangeBudget(const Request& request, const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  const std::string kind = Text(body, "kind", kKindLimit);
  const bool in_digest = body.value("in_digest", nlohmann::json()) == true;
  const std::string& name = caller.account.name;
  const std::string& school = caller.account.school;
  const auto alerts =
      SeenLately(stores_, caller.account, Everybody(), clock_.Now());
  if (stores_.agreements == nullptr || !alerts.ok()) {
    return Refusal(503, "no_budget", "This cannot be changed at the moment.");
  }
  const std::vector<KindPrecision> kinds = PrecisionOf(*alerts);
  const auto known =
      std::find_if(kinds.begin(), kinds.end(),
                   [&](const auto& k) { return k.kind == kind; });
  if (known == kinds.end()) {
    return Refusal(404, "not_found", "There are no such alerts.");
  }
  if (!known->may_wait) {
    return Refusal(409, "not_now",
                   "Alerts of illegal material and of somebody who may need "
                   "help are always shown at once.");
  }
  const auto agreements = stores_.agreements->Agreements(school);
  if (!agreements.ok()) {
    return Refusal(503, "no_budget", "This cannot be changed at the moment.");
  }
  DigestAgreement agreement{
      .school = school, .kind = kind, .in_digest = WaitsByItself(kind)};
  for (const DigestAgreement& one : *agreements) {
    if (one.kind == kind) agreement = one;
  }
  const char* action = "agree_digest";
  if (in_digest == agreement.in_digest) {  // stays as it is
    agreement.proposed_by.clear();
    action = "withdraw_digest";
  } else if (agreement.proposed_by.empty()) {
    agreement.proposed_by = name;
    action = "propose_digest";
  } else if (agreement.proposed_by == name) {
    return Refusal(409, "not_now",
                   "You have proposed this. Somebody else has to agree.");
  } else {
    agreement.in_digest = in_digest;
    agreement.changed_by = absl::StrCat(agreement.proposed_by, ", ", name);
    agreement.changed = clock_.Now();
    agreement.proposed_by.clear();
  }
  if (auto failed = Record(name, action, kind, in_digest ? "digest" : "list")) {
    return *failed;
  }
  if (!stores_.agreements->Put(agreement).ok()) {
    return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
  }
  return ShowBudget(caller);
}

}  // namespace schoolgate::collector
