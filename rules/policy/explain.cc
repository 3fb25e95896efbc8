#include "rules/policy/explain.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/policy/calendar.h"
#include "rules/policy/explain_people.h"
#include "rules/policy/explain_words.h"

namespace schoolgate::rules {
namespace {

constexpr int64_t kHalfDay = 43200;

std::string DayOf(int64_t unix_s) {
  return DayWords(static_cast<int32_t>(unix_s / (2 * kHalfDay)));
}

class Document {
 public:
  explicit Document(const v1::CompiledPolicy& policy) : policy_(policy) {}

  std::string Write() {
    Head();
    Groups();
    Locked();
    Matrix(v1::RULE_ORIGIN_SCHOOL, "What the school decided");
    Hosts();
    Matrix(v1::RULE_ORIGIN_TRUST,
           "What the baseline fixes for every school (may be tightened, never "
           "loosened)");
    Matrix(v1::RULE_ORIGIN_DEFAULT,
           "What holds where the school's policy says nothing");
    Times();
    Risks();
    Passes();
    Recording();
    Thresholds();
    out_ += ExplainPeople(policy_);
    Choices();
    return out_;
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    absl::StrAppend(&out_, parts..., "\n");
  }

  const v1::PolicyCategory& Category(uint32_t index) const {
    return policy_.categories(static_cast<int>(index));
  }

  std::string GroupNames(
      const google::protobuf::RepeatedField<uint32_t>& groups) const {
    if (groups.size() == policy_.groups_size()) return "everybody";
    std::vector<std::string> names;
    for (const uint32_t group : groups) {
      names.push_back(policy_.groups(static_cast<int>(group)).title());
    }
    return absl::StrJoin(names, ", ");
  }

  std::string Clause(int clause) const {
    return clause < 0 ? "" : policy_.clauses(clause).text();
  }

  void Head() {
    Line("# ", policy_.title());
    Line();
    Line("Policy `", policy_.id(), "`, cited as ", policy_.mark(), ", for ",
         policy_.school(), ". Mode: ", policy_.mode(),
         policy_.mode() == "enforce"
             ? " (what is blocked is really blocked)."
             : " (nothing is blocked yet; it is only noted what would be).");
    Line("A blocked name ",
         policy_.blocked_answer() == "zero-address"
             ? "gets an address that leads nowhere."
             : "does not exist.",
         policy_.containers()
             ? " Containers and virtual machines on a device are judged, too."
             : " Containers and virtual machines on a device are not judged.",
         policy_.harden_browsers()
             ? " Browsers are kept from hiding the names they ask for."
             : " Browsers are left as they are.");
    Line("Times are those of ", policy_.calendar().time_zone(), ".");
    Line();
    Line(
        "The order in which a host is judged: illegal material, then "
        "help-lines, then emergency blocks, then lesson passes, then rules "
        "about single hosts, then the rules about kinds of hosts below, then "
        "the group's default. A host of several kinds gets the strictest "
        "answer.");
    Line();
    Answers();
  }

  // One line for the hosts that are answered alike.
  void Answers() {
    std::vector<std::string> order;
    std::map<std::string, std::vector<std::string>> hosts;
    for (const v1::RestrictedAnswer& answer : policy_.restricted_answers()) {
      const std::string how =
          absl::StrCat(answer.answer(), " for ", GroupNames(answer.groups()),
                       " (", PlainText(answer.title()), ")");
      if (hosts.count(how) == 0) order.push_back(how);
      hosts[how].push_back(answer.host());
    }
    if (order.empty()) return;
    Line("Some services have a safe mode. A device is led to it:");
    Line();
    for (const std::string& how : order) {
      Line("- ", absl::StrJoin(hosts[how], ", "), ": answered as ", how, ".");
    }
    Line();
  }

  void Groups() {
    Line("## Who there is");
    Line();
    for (const v1::PolicyGroup& group : policy_.groups()) {
      std::string text = absl::StrCat("- **", PlainText(group.title()), "** (`",
                                      group.id(), "`)");
      if (group.strictest()) {
        text += ": the strictest answer that any group would get";
      } else if (group.allow_list_only()) {
        text += ": nothing but what a rule opens for this very group";
      } else {
        absl::StrAppend(&text, ": what no rule speaks of is ",
                        ActionWords(group.default_action()));
      }
      if (group.parent() >= 0 && !group.strictest()) {
        absl::StrAppend(&text, "; otherwise like ",
                        policy_.groups(group.parent()).title());
      }
      if (group.shared_accounts()) text += "; never named, accounts are shared";
      if (!group.personal_history()) text += "; no personal history is kept";
      Line(text, ".");
    }
    Line();
  }

  void Locked() {
    std::vector<std::string> locked;
    for (const v1::PolicyCategory& category : policy_.categories()) {
      if (category.locked()) locked.push_back(category.title());
    }
    Line("## What nobody can open");
    Line();
    Line("Illegal material is blocked for everybody, always: ",
         absl::StrJoin(locked, "; "), ".");
    Line();
  }

  std::string Condition(const v1::PolicyRule& rule,
                        const v1::PolicyException& exception) const {
    std::vector<std::string> parts;
    if (exception.nominees_size() > 0) {
      std::vector<std::string> names;
      for (const v1::Nominee& nominee : exception.nominees()) {
        if (nominee.user().empty()) continue;
        // Noon is the same day everywhere between London and the next zones.
        names.push_back(absl::StrCat(
            nominee.user(),
            nominee.from_unix_s() == 0
                ? ""
                : " from " + DayOf(nominee.from_unix_s() + kHalfDay),
            " until ", DayOf(nominee.expires_unix_s() - kHalfDay),
            " (approved by ", nominee.approver(), ": ", nominee.reason(), ")"));
      }
      parts.push_back(
          names.empty()
              ? "for nominated users (nobody is nominated)"
              : absl::StrCat("for the nominated ", absl::StrJoin(names, "; ")));
    } else if (exception.groups_size() > 0) {
      parts.push_back("for " + GroupNames(exception.groups()));
    }
    if (exception.schedule_plus_1() > 0) {
      const auto& schedule =
          policy_.schedules(static_cast<int>(exception.schedule_plus_1()) - 1);
      parts.push_back(
          absl::StrCat(exception.outside_schedule() ? "outside " : "during ",
                       schedule.title()));
    }
    if (exception.place() == v1::PLACE_ONSITE) parts.push_back("at school");
    if (exception.place() == v1::PLACE_OFFSITE) {
      parts.push_back("away from school");
    }
    return absl::StrJoin(parts, ", ");
  }

  void Rule(const v1::PolicyRule& rule, const std::string& subject) {
    Line("- **", PlainText(subject), "**: ", ActionWords(rule.action()),
         " for ", GroupNames(rule.groups()), ". ", PlainText(rule.reason()));
    for (const v1::PolicyException& exception : rule.exceptions()) {
      Line("  - But ", ActionWords(exception.action()), " ",
           PlainText(Condition(rule, exception)), ".");
    }
    Line("  - Paper: ", PlainText(Clause(rule.clause())), " (rule `", rule.id(),
         "`, ", rule.file(), ":", rule.line(), ")");
  }

  void Matrix(v1::RuleOrigin origin, const std::string& title) {
    bool any = false;
    for (const v1::PolicyRule& rule : policy_.matrix()) {
      if (rule.origin() != origin) continue;
      if (!any) {
        Line("## ", title);
        Line();
      }
      any = true;
      std::vector<std::string> names;
      for (const uint32_t category : rule.categories()) {
        names.push_back(Category(category).title());
      }
      Rule(rule, absl::StrJoin(names, ", "));
    }
    if (any) Line();
  }

  void Hosts() {
    if (policy_.host_rules_size() == 0) return;
    Line("## Single hosts");
    Line();
    for (const v1::PolicyRule& rule : policy_.host_rules()) {
      Rule(rule, absl::StrJoin(rule.hosts(), ", "));
    }
    Line();
  }

  void Times() {
    Line("## Times");
    Line();
    for (const v1::PolicySchedule& schedule : policy_.schedules()) {
      Line("- **", PlainText(schedule.title()),
           "**: ", DescribeSchedule(schedule), ".");
    }
    for (const v1::DaySpan& term : policy_.calendar().terms()) {
      Line("- Term ", PlainText(term.title()), ": ", DayWords(term.first_day()),
           " to ", DayWords(term.last_day()), ".");
    }
    for (const v1::DaySpan& closed : policy_.calendar().closed()) {
      Line("- Closed, ", PlainText(closed.title()), ": ",
           DayWords(closed.first_day()), " to ", DayWords(closed.last_day()),
           ".");
    }
    Line();
  }

  // Which of the four risks each kind of host stands for.
  void Risks() {
    Line("## Kinds of hosts, by risk");
    Line();
    const std::vector<std::pair<v1::Risk, std::string>> risks = {
        {v1::RISK_CONTENT, "Content"},
        {v1::RISK_CONTACT, "Contact"},
        {v1::RISK_CONDUCT, "Conduct"},
        {v1::RISK_COMMERCE, "Commerce"},
        {v1::RISK_NONE, "None of the four"}};
    for (const auto& [risk, name] : risks) {
      std::vector<std::string> titles;
      for (const v1::PolicyCategory& category : policy_.categories()) {
        if (category.risk() == risk)
          titles.push_back(PlainText(category.title()));
      }
      if (titles.empty()) continue;
      Line("- **", name, "**: ", absl::StrJoin(titles, ", "), ".");
    }
    Line();
  }

  void Passes() {
    std::vector<std::string> passable;
    for (const v1::PolicyCategory& category : policy_.categories()) {
      if (category.passable()) passable.push_back(category.title());
    }
    Line("## Lesson passes");
    Line();
    Line(
        "A teacher may ask for named hosts to be opened for a class and a "
        "lesson; somebody else approves, and it ends by itself. Only these "
        "kinds can be opened: ",
        absl::StrJoin(passable, ", "), ".");
    Line();
  }

  void Recording() {
    std::vector<std::string> offsite;
    std::vector<std::string> nameless;
    for (const v1::PolicyCategory& category : policy_.categories()) {
      if (category.log_offsite() || category.locked()) {
        offsite.push_back(category.title());
      }
      if (category.nameless()) nameless.push_back(category.title());
    }
    Line("## What is recorded");
    Line();
    Line(
        "What is allowed is never recorded. Away from school only these are "
        "recorded: ",
        absl::StrJoin(offsite, ", "), ".");
    if (!nameless.empty()) {
      Line("Never recorded, although it may be blocked: ",
           absl::StrJoin(nameless, ", "), ".");
    }
    Line(
        "Help-lines, health, faith, unions and whistle-blowing are always "
        "open and never recorded (",
        policy_.never_log_hosts_size(),
        " hosts): ", absl::StrJoin(policy_.never_log_hosts(), ", "), ".");
    for (const v1::RetentionRule& rule : policy_.retention()) {
      Line("- ", RetentionWords(rule.what()), ": ",
           rule.days() == 0
               ? "kept until it is released"
               : absl::StrCat("erased after ", rule.days(), " days"),
           ".");
    }
    Line();
    if (policy_.approved_remote_access_size() > 0) {
      Line("Approved for working from elsewhere: ",
           absl::StrJoin(policy_.approved_remote_access(), ", "), ".");
      Line();
    }
    if (policy_.approved_ai_size() > 0) {
      Line("Artificial-intelligence services whose risks were assessed: ",
           absl::StrJoin(policy_.approved_ai(), "; "), ".");
      Line();
    }
    if (!policy_.messages_help().empty()) {
      Line("Help named in serious notices: ",
           PlainText(policy_.messages_help()), ".");
      Line();
    }
    if (!policy_.notice().empty()) {
      Line("Everybody is told at log-in (version ", policy_.notice_version(),
           "):");
      Line();
      Line("> ", PlainText(policy_.notice()));
      Line();
    }
  }

  void Threshold(const v1::Threshold& threshold) {
    const std::string tier = TierWords(threshold.scope());
    std::string about = tier.empty() ? "hosts of any kind" : tier;
    for (const v1::PolicyCategory& category : policy_.categories()) {
      if (category.id() == threshold.scope()) about = category.title();
    }
    const bool shut = threshold.scope() == kOutOfHours;
    if (shut) about = "computers of the pupils' rooms";
    std::vector<std::string> parts;
    if (threshold.count() > 0) {
      parts.push_back(absl::StrCat(
          threshold.count(),
          threshold.count() == 1 ? " deliberate contact" : " contacts"));
    }
    if (threshold.bytes() > 0) {
      parts.push_back(
          absl::StrCat(threshold.bytes() / 1'000'000, " megabytes"));
    }
    std::string when;
    for (const v1::PolicySchedule& schedule : policy_.schedules()) {
      if (schedule.id() == threshold.schedule()) {
        when =
            absl::StrCat(shut ? ", outside " : ", during ", schedule.title());
      }
    }
    Line("- ", PlainText(about), ": ", absl::StrJoin(parts, " or "),
         threshold.window_minutes() == 0
             ? ""
             : " within " + MinutesWords(threshold.window_minutes()),
         PlainText(when), ".");
  }

  void Thresholds() {
    if (policy_.thresholds_size() == 0) return;
    Line("## From when on somebody is told");
    Line();
    for (const v1::Threshold& threshold : policy_.thresholds()) {
      Threshold(threshold);
    }
    Line();
  }

  void Choices() {
    if (policy_.choices_size() == 0) return;
    Line("## Where the paper contradicts itself, and what was chosen");
    Line();
    for (const v1::PolicyChoice& choice : policy_.choices()) {
      Line("- ", choice.trap(), ": ", PlainText(choice.choice()), " (",
           choice.chosen_by(), ", ", choice.date(), ")");
    }
    for (const v1::PaperNote& note : policy_.notes()) {
      Line("- ", note.id(), " is not a matter of host names (",
           note.handled_by(), "): ", PlainText(note.note()));
    }
    Line();
  }

  const v1::CompiledPolicy& policy_;
  std::string out_;
};

}  // namespace

std::string ExplainPolicy(const v1::CompiledPolicy& policy) {
  return Document(policy).Write();
}

}  // namespace schoolgate::rules
