#include "rules/policy/explain.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace schoolgate::rules {
namespace {

const char* Done(v1::Action action) {
  constexpr const char* kWords[] = {
      "blocked", "allowed", "allowed and recorded",
      "allowed after a warning, and recorded", "blocked"};
  return kWords[action];
}

const char* TierName(int tier) {
  constexpr const char* kNames[] = {"any",     "illegal", "safeguarding",
                                    "serious", "routine", "never recorded",
                                    "harmless"};
  return kNames[tier];
}

std::string DayText(int32_t day) {
  return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day);
}

std::string Clock(uint32_t minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

std::string Days(uint32_t days) {
  constexpr const char* kNames[] = {"Monday",   "Tuesday", "Wednesday",
                                    "Thursday", "Friday",  "Saturday",
                                    "Sunday"};
  if (days == 0x7f) return "every day";
  if (days == 0x1f) return "Monday to Friday";
  if (days == 0x60) return "Saturday and Sunday";
  std::vector<std::string> names;
  for (int day = 0; day < 7; ++day) {
    if ((days >> day & 1) != 0) names.push_back(kNames[day]);
  }
  return absl::StrJoin(names, ", ");
}

std::string Windows(
    const google::protobuf::RepeatedPtrField<v1::PolicyWindow>& windows) {
  std::vector<std::string> parts;
  uint32_t days = 0;
  for (const v1::PolicyWindow& window : windows) {
    std::string part = window.days() == days ? "" : Days(window.days()) + " ";
    days = window.days();
    absl::StrAppend(
        &part, Clock(window.from_minute()), "-", Clock(window.to_minute()),
        window.to_minute() <= window.from_minute() ? " next day" : "");
    parts.push_back(part);
  }
  return absl::StrJoin(parts, ", ");
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
    Passes();
    Recording();
    People();
    Sanctions();
    Choices();
    return out_;
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    absl::StrAppend(&out_, parts..., "\n");
  }

  // A name goes to nobody's table as markup.
  static std::string Plain(std::string text) {
    std::replace(text.begin(), text.end(), '|', '/');
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
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
    for (const v1::RestrictedAnswer& answer : policy_.restricted_answers()) {
      Line("- ", Plain(answer.title()), ": ", answer.host(), " is answered as ",
           answer.answer(), " for ", GroupNames(answer.groups()), ".");
    }
    Line("Times are those of ", policy_.calendar().time_zone(), ".");
    Line();
    Line(
        "The order in which a host is judged: illegal material, then "
        "help-lines, then emergency blocks, then lesson passes, then rules "
        "about single hosts, then the rules about kinds of hosts below, then "
        "the group's default. A host of several kinds gets the strictest "
        "answer.");
    Line();
  }

  void Groups() {
    Line("## Who there is");
    Line();
    for (const v1::PolicyGroup& group : policy_.groups()) {
      std::string text =
          absl::StrCat("- **", Plain(group.title()), "** (`", group.id(), "`)");
      if (group.strictest()) {
        text += ": the strictest answer that any group would get";
      } else if (group.allow_list_only()) {
        text += ": nothing but what a rule opens for this very group";
      } else {
        absl::StrAppend(&text, ": what no rule speaks of is ",
                        Done(group.default_action()));
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
        const int64_t last = nominee.expires_unix_s() - 1;
        names.push_back(absl::StrCat(
            nominee.user(), " until ",
            DayText(static_cast<int32_t>(last / 86400)), " (approved by ",
            nominee.approver(), ": ", nominee.reason(), ")"));
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
    Line("- **", Plain(subject), "**: ", Done(rule.action()), " for ",
         GroupNames(rule.groups()), ". ", Plain(rule.reason()));
    for (const v1::PolicyException& exception : rule.exceptions()) {
      Line("  - But ", Done(exception.action()), " ",
           Plain(Condition(rule, exception)), ".");
    }
    Line("  - Paper: ", Plain(Clause(rule.clause())), " (rule `", rule.id(),
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
      Line("- **", Plain(schedule.title()), "**: ", DescribeSchedule(schedule),
           ".");
    }
    for (const v1::DaySpan& term : policy_.calendar().terms()) {
      Line("- Term ", Plain(term.title()), ": ", DayText(term.first_day()),
           " to ", DayText(term.last_day()), ".");
    }
    for (const v1::DaySpan& closed : policy_.calendar().closed()) {
      Line("- Closed, ", Plain(closed.title()), ": ",
           DayText(closed.first_day()), " to ", DayText(closed.last_day()),
           ".");
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
      Line("- ", rule.what(), ": ",
           rule.days() == 0
               ? "until released"
               : absl::StrCat("erased after ", rule.days(), " days"),
           ".");
    }
    Line();
    if (!policy_.notice().empty()) {
      Line("Everybody is told at log-in (version ", policy_.notice_version(),
           "):");
      Line();
      Line("> ", Plain(policy_.notice()));
      Line();
    }
  }

  void People() {
    if (policy_.roles_size() == 0) return;
    Line("## Who is told");
    Line();
    for (const v1::PolicyRole& role : policy_.roles()) {
      Line("- **", Plain(role.title()), "** (`", role.id(), "`): ",
           role.vacant() ? "vacant" : absl::StrJoin(role.holders(), ", "),
           role.stands_in().empty() ? "" : "; stands in: ", role.stands_in(),
           ".");
    }
    Line();
    for (const v1::PolicyRoute& route : policy_.routes()) {
      Line("- About ", route.subject(), " (", TierName(route.tier()), "): to ",
           absl::StrJoin(route.to(), " and "), " within ",
           route.within_minutes(), " minutes. ", Plain(Clause(route.clause())));
    }
    Line();
  }

  void Sanctions() {
    for (const bool staff : {false, true}) {
      bool any = false;
      for (const v1::SanctionRow& row : policy_.sanctions()) {
        if (row.staff() != staff) continue;
        if (!any) {
          Line("## Sanctions table, ", staff ? "staff" : "pupils");
          Line();
          Line(
              "Information for the person who decides; nothing is done by "
              "itself.");
          Line();
          Line(
              "| Row | Incident | Ticked | Added by the school | Only with a "
              "written reason | Can it be seen? |");
          Line("|---|---|---|---|---|---|");
        }
        any = true;
        Line("| ", row.id(), " | ", Plain(row.incident()), " | ",
             absl::StrJoin(row.referrals(), ", "), " | ",
             absl::StrJoin(row.added(), ", "), " | ",
             absl::StrJoin(row.human_reason(), ", "), " | ", Plain(row.seen()),
             " |");
      }
      if (any) Line();
    }
  }

  void Choices() {
    if (policy_.choices_size() == 0) return;
    Line("## Where the paper contradicts itself, and what was chosen");
    Line();
    for (const v1::PolicyChoice& choice : policy_.choices()) {
      Line("- ", choice.trap(), ": ", Plain(choice.choice()), " (",
           choice.chosen_by(), ", ", choice.date(), ")");
    }
    for (const v1::PaperNote& note : policy_.notes()) {
      Line("- ", note.id(), " is not a matter of host names (",
           note.handled_by(), "): ", Plain(note.note()));
    }
    Line();
  }

  const v1::CompiledPolicy& policy_;
  std::string out_;
};

}  // namespace

std::string DescribeSchedule(const v1::PolicySchedule& schedule) {
  std::string text = Windows(schedule.windows());
  if (schedule.day_kind() == v1::DAY_KIND_TERM) text += " on school days";
  if (schedule.day_kind() == v1::DAY_KIND_HOLIDAY) text += " in holidays";
  if (schedule.but_not_size() > 0) {
    absl::StrAppend(&text, ", but not ", Windows(schedule.but_not()));
  }
  return text;
}

std::string ExplainPolicy(const v1::CompiledPolicy& policy) {
  return Document(policy).Write();
}

}  // namespace schoolgate::rules
