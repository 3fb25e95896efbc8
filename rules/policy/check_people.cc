// Calendar, nominations, roles, routes and retention.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/policy/check_parts.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

constexpr int64_t kDaySeconds = 24 * 60 * 60;
constexpr int64_t kLongNominationDays = 400;
constexpr int64_t kLongRestrictionDays = 120;
constexpr int64_t kTermsRunOutDays = 60;

class PeopleCheck {
 public:
  PeopleCheck(const v1::CompiledPolicy& policy, const Node& root,
              absl::Time now, Findings* findings)
      : policy_(policy),
        root_(root),
        now_(absl::ToUnixSeconds(now)),
        findings_(findings) {}

  void Run() {
    Nominations();
    Restrictions();
    Terms();
    Schedules();
    Routes();
    Retention();
  }

 private:
  int LineOf(const char* key) const { return root_.LineOf(key); }

  void Nominations() {
    std::set<uint32_t> told;
    for (const v1::PolicyRule& rule : policy_.matrix()) {
      for (const v1::PolicyException& exception : rule.exceptions()) {
        for (const v1::Nominee& nominee : exception.nominees()) {
          if (nominee.user().empty() || !told.insert(nominee.line()).second) {
            continue;
          }
          Nomination(nominee);
        }
      }
    }
    const Node* lists = root_.Find("nominated");
    if (lists == nullptr) return;
    for (const Node::Entry& entry : lists->entries) {
      const bool used =
          std::any_of(entry.value.items.begin(), entry.value.items.end(),
                      [&](const Node& item) {
                        return told.count(static_cast<uint32_t>(item.line)) > 0;
                      });
      if (!used) {
        findings_->Warning(entry.line,
                           absl::StrCat("nominated ", entry.key,
                                        ": no rule uses this list, or nobody "
                                        "is on it"));
      }
    }
  }

  void Nomination(const v1::Nominee& nominee) {
    const int line = static_cast<int>(nominee.line());
    if (nominee.expires_unix_s() <= now_) {
      findings_->Warning(line,
                         absl::StrCat("the nomination of ", nominee.user(),
                                      " is over: remove or renew it"));
    }
    const int64_t from = std::max(nominee.from_unix_s(), now_);
    if (nominee.expires_unix_s() - from > kLongNominationDays * kDaySeconds) {
      findings_->Warning(line,
                         absl::StrCat("the nomination of ", nominee.user(),
                                      " lasts more than a school year"));
    }
    for (const v1::PolicyRole& role : policy_.roles()) {
      for (const std::string& holder : role.log_ins()) {
        if (holder == nominee.user() && holder == nominee.approver()) {
          findings_->Contradiction(line, "nominated/" + nominee.user(),
                                   "nobody approves themselves");
        }
      }
    }
  }

  void Restrictions() {
    for (const v1::Restriction& one : policy_.restrictions()) {
      const int line = static_cast<int>(one.line());
      if (IsGuestsEnd(policy_, one)) continue;
      const std::string whose =
          one.user().empty()
              ? policy_.groups(static_cast<int>(one.group_plus_1()) - 1).id()
              : one.user();
      if (one.expires_unix_s() <= now_) {
        findings_->Warning(line, absl::StrCat("the restriction of ", whose,
                                              " is over: remove it"));
      }
      const int64_t from = std::max(one.from_unix_s(), now_);
      if (one.expires_unix_s() - from > kLongRestrictionDays * kDaySeconds) {
        findings_->Warning(
            line, absl::StrCat("the restriction of ", whose,
                               " lasts more than a term: look at it again "
                               "before"));
      }
    }
  }

  void Terms() {
    const v1::PolicyCalendar& calendar = policy_.calendar();
    int64_t last = 0;
    for (int i = 0; i < calendar.terms_size(); ++i) {
      last = std::max<int64_t>(last, calendar.terms(i).last_day());
      for (int j = 0; j < i; ++j) {
        if (calendar.terms(i).first_day() <= calendar.terms(j).last_day() &&
            calendar.terms(j).first_day() <= calendar.terms(i).last_day()) {
          findings_->Contradiction(
              LineOf("terms"), "terms",
              absl::StrCat("terms \"", calendar.terms(j).title(), "\" and \"",
                           calendar.terms(i).title(), "\" overlap"));
        }
      }
    }
    if (calendar.terms_size() > 0 &&
        last * kDaySeconds - now_ < kTermsRunOutDays * kDaySeconds) {
      findings_->Warning(LineOf("terms"),
                         "the terms run out within two months: after the last "
                         "day every day is a holiday; add the next year");
    }
    for (const v1::DaySpan& closed : calendar.closed()) {
      const bool inside =
          std::any_of(calendar.terms().begin(), calendar.terms().end(),
                      [&](const v1::DaySpan& term) {
                        return closed.first_day() <= term.last_day() &&
                               closed.last_day() >= term.first_day();
                      });
      if (!inside) {
        findings_->Warning(LineOf("closed"),
                           absl::StrCat("closed days \"", closed.title(),
                                        "\" lie in no term: they change "
                                        "nothing"));
      }
    }
  }

  void Schedules() {
    const Node* schedules = root_.Find("schedules");
    if (schedules == nullptr) return;
    std::set<std::string> used;
    for (const auto* rules : {&policy_.matrix(), &policy_.host_rules()}) {
      for (const v1::PolicyRule& rule : *rules) {
        for (const v1::PolicyException& exception : rule.exceptions()) {
          if (exception.schedule_plus_1() == 0) continue;
          used.insert(
              policy_
                  .schedules(static_cast<int>(exception.schedule_plus_1() - 1))
                  .id());
        }
      }
    }
    for (const v1::Threshold& threshold : policy_.thresholds()) {
      used.insert(threshold.schedule());
    }
    for (const Node::Entry& entry : schedules->entries) {
      const Node* lessons = entry.value.Find("lessons");
      if (used.count(entry.key) == 0 && lessons == nullptr) {
        findings_->Warning(entry.line, absl::StrCat("schedule ", entry.key,
                                                    ": no rule uses it"));
      }
    }
  }

  std::set<std::string> HoldersOf(const std::string& id) const {
    std::set<std::string> holders;
    for (const v1::PolicyRole& role : policy_.roles()) {
      if (role.id() == id) {
        holders.insert(role.holders().begin(), role.holders().end());
      }
    }
    return holders;
  }

  void Routes() {
    for (const v1::PolicyRoute& route : policy_.routes()) {
      std::set<std::string> reached;
      for (const std::string& role : route.to()) {
        const auto holders = HoldersOf(role);
        reached.insert(holders.begin(), holders.end());
        Conflict(route, role, holders);
      }
      const int line = static_cast<int>(route.line());
      if (reached.empty()) {
        findings_->Contradiction(
            line, "route/" + route.subject(),
            absl::StrCat("alerts about ", route.subject(), " go to ",
                         absl::StrJoin(route.to(), ", "),
                         ", which nobody holds"));
      } else if (route.tier() == v1::TIER_ILLEGAL && reached.size() < 2) {
        findings_->Contradiction(
            line, "two-people",
            absl::StrCat("illegal material needs two people, but alerts about ",
                         route.subject(), " reach ", *reached.begin(),
                         " alone"));
      }
    }
  }

  // An alert about somebody must not reach that person.
  void Conflict(const v1::PolicyRoute& route, const std::string& role,
                const std::set<std::string>& holders) {
    if (route.subject().rfind("role:", 0) != 0) return;
    for (const std::string& subject : HoldersOf(route.subject().substr(5))) {
      if (holders.count(subject) == 0 || holders.size() > 1) continue;
      findings_->Contradiction(
          static_cast<int>(route.line()), "route/" + route.subject(),
          absl::StrCat("alerts about ", route.subject(), " go to ", role,
                       ", which ", subject, " holds too: name somebody else"));
    }
  }

  void Retention() {
    std::map<std::string, uint32_t> days;
    for (const v1::RetentionRule& rule : policy_.retention()) {
      days[rule.what()] = rule.days();
    }
    if (days.count("hit") > 0 && days.count("incident") > 0 &&
        days["incident"] < days["hit"]) {
      findings_->Contradiction(LineOf("retention"), "retention",
                               "incidents are kept for less time than hits "
                               "that led to nothing");
    }
  }

  const v1::CompiledPolicy& policy_;
  const Node& root_;
  const int64_t now_;
  Findings* findings_;
};

}  // namespace

void CheckPeopleAndTimes(const v1::CompiledPolicy& policy, const Node& root,
                         absl::Time now, Findings* findings) {
  PeopleCheck(policy, root, now, findings).Run();
}

}  // namespace schoolgate::rules
