#include "rules/judge.h"

#include <algorithm>
#include <bit>

#include "absl/strings/match.h"
#include "rules/bundle/host_name.h"
#include "rules/policy/restrictions.h"
#include "rules/verdict.h"

namespace schoolgate::rules {
namespace {

// Steps taken to find the end of an answer. A policy that changes its mind
// more often is asked again at the last step.
constexpr int kMostSteps = 4096;

// Clocks that are further off than this are asked as if they were there.
constexpr int64_t kMostSeconds = int64_t{1} << 40;

int64_t SecondsOf(absl::Time time) {
  return std::clamp(absl::ToUnixSeconds(time), -kMostSeconds, kMostSeconds);
}

Action ToAction(v1::Action action) {
  return action == v1::ACTION_UNSPECIFIED ? Action::kBlock
                                          : static_cast<Action>(action);
}

bool AnyAtOrAbove(const google::protobuf::RepeatedPtrField<std::string>& listed,
                  std::string_view host) {
  return std::any_of(
      listed.begin(), listed.end(),
      [host](const std::string& suffix) { return IsAtOrBelow(host, suffix); });
}

bool Has(const google::protobuf::RepeatedPtrField<std::string>& list,
         std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [word](const std::string& one) { return one == word; });
}

bool SameUser(std::string_view a, std::string_view b) {
  return !a.empty() &&
         absl::EqualsIgnoreCase(absl::string_view(a.data(), a.size()),
                                absl::string_view(b.data(), b.size()));
}

// Weighs the rules for one question; asked again for other moments when the
// end of the answer is looked for.
class Bench {
 public:
  Bench(const PolicyTables& tables, const v1::Overlays& overlays,
        std::string_view host, CategoryBits categories, bool locked,
        const std::vector<std::string>& ids, const Question& question)
      : tables_(tables),
        policy_(tables.policy()),
        overlays_(overlays),
        host_(host),
        categories_(categories),
        locked_(locked),
        ids_(ids),
        question_(question),
        group_(tables.Group(question.group)),
        strictest_(group_ < 0 || policy_.groups(group_).strictest()),
        asked_at_(SecondsOf(question.at)) {}

  Verdict At(int64_t unix_s) {
    now_ = unix_s;
    Verdict verdict;
    if (locked_) {
      verdict.why = Why::kLocked;
      verdict.action = Action::kBlock;
      verdict.rule = LockedRow();
      verdict.logged = true;
      return verdict;
    }
    if ((categories_ & tables_.never_log()) != 0 ||
        tables_.NeverLogHost(host_)) {
      verdict.why = Why::kNeverLog;
      return verdict;
    }
    if (Emergency(&verdict)) return verdict;
    const std::vector<int> restrictions = Restrictions();
    if (restrictions.empty() && Pass(&verdict)) return verdict;
    verdict = strictest_ ? Strictest() : ForGroup(group_);
    for (const int i : restrictions) Restrict(i, &verdict);
    return verdict;
  }

  // The first moment after the question's at which the answer changes.
  int64_t Until(const Verdict& now);

 private:
  int LockedRow() const;
  bool Emergency(Verdict* verdict);
  bool Pass(Verdict* verdict);
  bool PassHolds(const v1::LessonPass& pass);
  bool PassIsForUs(const v1::LessonPass& pass) const;
  std::vector<int> Restrictions();
  void Restrict(int restriction, Verdict* verdict);
  Verdict ForGroup(int group);
  Verdict Strictest();
  bool FromHosts(int group, v1::RuleOrigin origin, Verdict* verdict);
  Verdict FromMatrix(int group, bool floor_only);
  void Weigh(const v1::PolicyRule& rule, int index, bool by_host, int group,
             Verdict* strictest, bool* any);
  int Fitting(const v1::PolicyRule& rule, int group);
  bool Fits(const v1::PolicyException& exception, int group);
  bool Nominated(const v1::PolicyException& exception);
  bool InGroups(const google::protobuf::RepeatedField<uint32_t>& groups,
                int group) const;
  bool Opens(const v1::PolicyRule& rule, int group) const;
  void Log(Verdict* verdict, bool silent) const;
  void ChangesAt(int64_t unix_s) {
    if (unix_s > asked_at_) changes_.push_back(unix_s);
  }

  const PolicyTables& tables_;
  const v1::CompiledPolicy& policy_;
  const v1::Overlays& overlays_;
  const std::string_view host_;
  const CategoryBits categories_;
  const bool locked_;
  const std::vector<std::string>& ids_;
  const Question& question_;
  const int group_;
  const bool strictest_;
  const int64_t asked_at_;
  int64_t now_ = 0;
  uint64_t schedules_ = 0;        // that the answer may depend on
  std::vector<int64_t> changes_;  // moments that it may depend on
};

int Bench::LockedRow() const {
  for (CategoryBits rest = categories_ & tables_.locked(); rest != 0;
       rest &= rest - 1) {
    const std::vector<int>& rows =
        tables_.Rows(group_ < 0 ? 0 : group_, std::countr_zero(rest));
    if (!rows.empty()) return rows[0];
  }
  return -1;
}

bool Bench::Emergency(Verdict* verdict) {
  for (int i = 0; i < overlays_.blocks_size(); ++i) {
    const v1::EmergencyBlock& block = overlays_.blocks(i);
    // A block that this device holds was issued, whatever its clock says.
    if (!block.countersigned()) {
      ChangesAt(block.lapses_unix_s());
      if (now_ >= block.lapses_unix_s()) continue;
    }
    if (block.groups_size() > 0 && !strictest_) {
      bool ours = false;
      for (const std::string& id : block.groups()) {
        ours = ours || tables_.GroupIs(group_, tables_.Group(id));
      }
      if (!ours) continue;
    }
    const bool listed =
        AnyAtOrAbove(block.hosts(), host_) ||
        std::any_of(ids_.begin(), ids_.end(), [&](const std::string& id) {
          return Has(block.categories(), id);
        });
    if (!listed) continue;
    verdict->why = Why::kEmergency;
    verdict->action = Action::kBlock;
    verdict->rule = i;
    Log(verdict, false);
    return true;
  }
  return false;
}

bool Bench::PassIsForUs(const v1::LessonPass& pass) const {
  if (pass.devices_size() + pass.groups_size() + pass.users_size() == 0) {
    return false;
  }
  if (pass.devices_size() > 0 && !Has(pass.devices(), question_.device)) {
    return false;
  }
  if (pass.groups_size() > 0) {
    const bool ours = std::any_of(
        pass.groups().begin(), pass.groups().end(), [&](const std::string& id) {
          // A pass for an unknown group is for nobody.
          const int group = tables_.Group(id);
          return group >= 0 && policy_.groups(group).id() == id &&
                 tables_.GroupIs(group_, group);
        });
    if (!ours) return false;
  }
  return pass.users_size() == 0 ||
         std::any_of(pass.users().begin(), pass.users().end(),
                     [&](const std::string& user) {
                       return SameUser(question_.user, user);
                     });
}

bool Bench::PassHolds(const v1::LessonPass& pass) {
  int64_t end = pass.end_unix_s();
  if (pass.boot_deadline_us() > 0 && question_.boot_us > 0) {
    if (pass.boot_id() != question_.boot_id) return false;
    const int64_t left_us = pass.boot_deadline_us() - question_.boot_us;
    if (left_us <= 0) return false;
    end = std::min(end, asked_at_ + (left_us + 999'999) / 1'000'000);
  }
  ChangesAt(pass.start_unix_s());
  ChangesAt(end);
  return now_ >= pass.start_unix_s() && now_ < end;
}

bool Bench::Pass(Verdict* verdict) {
  if ((categories_ & ~tables_.passable()) != 0) return false;
  for (int i = 0; i < overlays_.passes_size(); ++i) {
    const v1::LessonPass& pass = overlays_.passes(i);
    if (!AnyAtOrAbove(pass.hosts(), host_) || !PassIsForUs(pass)) continue;
    if (!PassHolds(pass)) continue;
    verdict->why = Why::kPass;
    verdict->rule = i;
    return true;
  }
  return false;
}

bool Bench::InGroups(const google::protobuf::RepeatedField<uint32_t>& groups,
                     int group) const {
  return std::any_of(groups.begin(), groups.end(), [&](uint32_t named) {
    return tables_.GroupIs(group, static_cast<int>(named));
  });
}

bool Bench::Nominated(const v1::PolicyException& exception) {
  bool nominated = false;
  for (const v1::Nominee& nominee : exception.nominees()) {
    if (strictest_ || !SameUser(nominee.user(), question_.user)) continue;
    ChangesAt(nominee.from_unix_s());
    ChangesAt(nominee.expires_unix_s());
    nominated = nominated || (now_ >= nominee.from_unix_s() &&
                              now_ < nominee.expires_unix_s());
  }
  return nominated;
}

bool Bench::Fits(const v1::PolicyException& exception, int group) {
  if (exception.groups_size() > 0 && !InGroups(exception.groups(), group)) {
    return false;
  }
  const v1::Place here =
      question_.place == Place::kOffsite ? v1::PLACE_OFFSITE : v1::PLACE_ONSITE;
  if (exception.place() != v1::PLACE_UNSPECIFIED && exception.place() != here) {
    return false;
  }
  if (exception.nominees_size() > 0 && !Nominated(exception)) return false;
  if (exception.schedule_plus_1() == 0) return true;
  const int schedule = static_cast<int>(exception.schedule_plus_1()) - 1;
  schedules_ |= uint64_t{1} << schedule;
  return tables_.calendar().Holds(schedule, now_) !=
         exception.outside_schedule();
}

int Bench::Fitting(const v1::PolicyRule& rule, int group) {
  int fitting = -1;
  for (int i = 0; i < rule.exceptions_size(); ++i) {
    // All are asked, so that all that may change the answer is known.
    if (Fits(rule.exceptions(i), group) && fitting < 0) fitting = i;
  }
  return fitting;
}

// Whether the rule may open anything for the group: an allow-list-only group
// is opened only by rules that name it.
bool Bench::Opens(const v1::PolicyRule& rule, int group) const {
  return !policy_.groups(group).allow_list_only() ||
         std::find(rule.groups().begin(), rule.groups().end(),
                   static_cast<uint32_t>(group)) != rule.groups().end();
}

void Bench::Weigh(const v1::PolicyRule& rule, int index, bool by_host,
                  int group, Verdict* strictest, bool* any) {
  const int exception = Fitting(rule, group);
  const Action action = ToAction(
      exception < 0 ? rule.action() : rule.exceptions(exception).action());
  if (action != Action::kBlock && !Opens(rule, group)) return;
  if (*any && action <= strictest->action) return;
  *any = true;
  strictest->why = Why::kRule;
  strictest->action = action;
  strictest->by_host = by_host;
  strictest->rule = index;
  strictest->exception = exception;
  strictest->group = group;
  Log(strictest, rule.silent());
}

// Rules of one origin about the longest suffix that has any for the group.
bool Bench::FromHosts(int group, v1::RuleOrigin origin, Verdict* verdict) {
  for (std::string_view suffix = host_; !suffix.empty();
       suffix = ParentOf(suffix)) {
    const std::vector<int>* rules = tables_.HostRules(suffix);
    if (rules == nullptr) continue;
    bool any = false;
    for (const int i : *rules) {
      const v1::PolicyRule& rule = policy_.host_rules(i);
      if (rule.origin() != origin || !InGroups(rule.groups(), group)) continue;
      Weigh(rule, i, true, group, verdict, &any);
    }
    if (any) return true;
  }
  return false;
}

Verdict Bench::FromMatrix(int group, bool floor_only) {
  Verdict strictest;
  bool any = false;
  bool uncovered = categories_ == 0;
  for (CategoryBits rest = categories_; rest != 0; rest &= rest - 1) {
    bool covered = false;
    for (const int i : tables_.Rows(group, std::countr_zero(rest))) {
      const v1::PolicyRule& rule = policy_.matrix(i);
      if (floor_only && rule.origin() != v1::RULE_ORIGIN_TRUST) continue;
      Weigh(rule, i, false, group, &strictest, &any);
      covered = covered || Opens(rule, group);
    }
    uncovered = uncovered || !covered;
  }
  if (floor_only) return strictest;
  const Action otherwise = ToAction(policy_.groups(group).default_action());
  if (!any || (uncovered && otherwise > strictest.action)) {
    strictest = Verdict{};
    strictest.action = otherwise;
    strictest.group = group;
  }
  return strictest;
}

Verdict Bench::ForGroup(int group) {
  Verdict school;
  Verdict trust;
  const bool has_school = FromHosts(group, v1::RULE_ORIGIN_SCHOOL, &school);
  const bool has_trust = FromHosts(group, v1::RULE_ORIGIN_TRUST, &trust);
  if (has_school && has_trust) {
    return trust.action > school.action ? trust : school;
  }
  if (has_trust) return trust;
  if (!has_school && !FromHosts(group, v1::RULE_ORIGIN_DEFAULT, &school)) {
    return FromMatrix(group, false);
  }
  // A school's rule about a name does not reach below the trust's floor.
  const Verdict floor = FromMatrix(group, true);
  return floor.why == Why::kRule && floor.action > school.action ? floor
                                                                 : school;
}

// Those of the policy that hold now for whoever asks.
std::vector<int> Bench::Restrictions() {
  std::vector<int> holding;
  for (int i = 0; i < policy_.restrictions_size(); ++i) {
    const v1::Restriction& one = policy_.restrictions(i);
    const bool ours =
        one.group_plus_1() > 0
            ? tables_.GroupIs(group_, static_cast<int>(one.group_plus_1()) - 1)
            : SameUser(question_.user, one.user());
    if (!ours) continue;
    ChangesAt(one.from_unix_s());
    ChangesAt(one.expires_unix_s());
    const bool over =
        IsGuestsEnd(policy_, one) &&
        question_.at_least >= absl::FromUnixSeconds(one.from_unix_s());
    if (over || (now_ >= one.from_unix_s() && now_ < one.expires_unix_s())) {
      holding.push_back(i);
    }
  }
  return holding;
}

// The stricter answer of two groups holds: a restriction opens nothing.
void Bench::Restrict(int restriction, Verdict* verdict) {
  const Verdict other =
      ForGroup(static_cast<int>(policy_.restrictions(restriction).to()));
  if (other.action <= verdict->action) return;
  *verdict = other;
  verdict->restriction = restriction;
}

Verdict Bench::Strictest() {
  Verdict strictest;
  bool first = true;
  for (const int group : tables_.Groups()) {
    const Verdict verdict = ForGroup(group);
    if (first || verdict.action > strictest.action) strictest = verdict;
    first = false;
  }
  return strictest;
}

// Whether an event may say so. Off site only what the policy lists for it;
// a record that may not be kept is no record.
void Bench::Log(Verdict* verdict, bool silent) const {
  verdict->logged = verdict->action != Action::kAllow && !silent &&
                    (categories_ & tables_.nameless()) == 0 &&
                    (question_.place == Place::kOnsite ||
                     (categories_ & tables_.log_offsite()) != 0);
  if (verdict->action == Action::kRecord && !verdict->logged) {
    verdict->action = Action::kAllow;
  }
}

int64_t Bench::Until(const Verdict& now) {
  if (changes_.empty() && schedules_ == 0) return kNever;
  std::sort(changes_.begin(), changes_.end());
  changes_.erase(std::unique(changes_.begin(), changes_.end()), changes_.end());
  const std::vector<int64_t> changes = changes_;
  const uint64_t schedules = schedules_;
  std::vector<int64_t> next(kMaxSchedules, 0);
  int64_t moment = asked_at_;
  for (int step = 0; step < kMostSteps; ++step) {
    const auto later = std::upper_bound(changes.begin(), changes.end(), moment);
    int64_t nearest = later == changes.end() ? kNever : *later;
    for (uint64_t rest = schedules; rest != 0; rest &= rest - 1) {
      const int schedule = std::countr_zero(rest);
      if (next[schedule] <= moment) {
        next[schedule] = tables_.calendar().NextChange(schedule, moment);
      }
      nearest = std::min(nearest, next[schedule]);
    }
    if (nearest == kNever) return kNever;
    moment = nearest;
    if (At(moment) != now) return moment;
  }
  return moment;
}

}  // namespace

Decision Judge(const PolicyTables& tables, const v1::Overlays& overlays,
               std::string_view host, std::vector<std::string> categories,
               const Question& question) {
  CategoryBits bits = 0;
  bool locked = false;
  for (const std::string& id : categories) {
    const int category = tables.Category(id);
    if (category >= 0) bits |= CategoryBits{1} << category;
    locked = locked || IsAlwaysLocked(id);
  }
  locked = locked || (bits & tables.locked()) != 0;
  Bench bench(tables, overlays, host, tables.Reduce(bits), locked, categories,
              question);
  const Verdict verdict = bench.At(SecondsOf(question.at));
  Decision decision;
  decision.action = verdict.action;
  decision.locked = verdict.why == Why::kLocked;
  decision.never_log = verdict.why == Why::kNeverLog;
  decision.logged = verdict.logged;
  Word(tables, overlays, verdict, question, &decision);
  if (const int64_t until = bench.Until(verdict); until != kNever) {
    decision.until = absl::FromUnixSeconds(until);
  }
  std::sort(categories.begin(), categories.end());
  decision.categories = std::move(categories);
  return decision;
}

}  // namespace schoolgate::rules
