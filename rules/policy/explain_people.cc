#include "rules/policy/explain_people.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/policy/explain_words.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

class PeoplePart {
 public:
  explicit PeoplePart(const v1::CompiledPolicy& policy) : policy_(policy) {}

  std::string Write() {
    People();
    Restrictions();
    Sanctions();
    return out_;
  }

 private:
  template <typename... Parts>
  void Line(const Parts&... parts) {
    absl::StrAppend(&out_, parts..., "\n");
  }

  // What a governor calls a role; an unknown id is its own word.
  std::string RoleTitle(const std::string& id) const {
    for (const v1::PolicyRole& role : policy_.roles()) {
      if (role.id() == id) return PlainText(role.title());
    }
    return id;
  }

  std::string SubjectWords(const std::string& subject) const {
    if (subject == "any") return "Anything else";
    constexpr std::string_view kRole = "role:";
    if (subject.starts_with(kRole)) {
      return "About the " + RoleTitle(subject.substr(kRole.size()));
    }
    for (const v1::PolicyGroup& group : policy_.groups()) {
      if (group.id() == subject) return "About " + PlainText(group.title());
    }
    return "About " + subject;
  }

  void Route(const v1::PolicyRoute& route) {
    std::vector<std::string> to;
    for (const std::string& role : route.to()) to.push_back(RoleTitle(role));
    const std::string tier = TierWords(route.tier());
    const std::string clause = PlainText(
        route.clause() < 0 ? "" : policy_.clauses(route.clause()).text());
    Line("- ", SubjectWords(route.subject()), tier.empty() ? "" : ", ", tier,
         ": ", absl::StrJoin(to, " and "), to.size() == 1 ? " is" : " are",
         " told within ", MinutesWords(route.within_minutes()), ".",
         clause.empty() ? "" : " Paper: ", clause);
  }

  void People() {
    if (policy_.roles_size() == 0) return;
    Line("## Who is told");
    Line();
    for (const v1::PolicyRole& role : policy_.roles()) {
      Line("- **", PlainText(role.title()), "** (`", role.id(), "`): ",
           role.vacant() ? "held by nobody"
                         : absl::StrJoin(role.holders(), ", "),
           role.stands_in().empty()
               ? ""
               : "; in their place: " + RoleTitle(role.stands_in()),
           ".");
    }
    Line();
    for (const v1::PolicyRoute& route : policy_.routes()) Route(route);
    Line();
  }

  void Restrictions() {
    if (policy_.restrictions_size() == 0) return;
    Line("## Who has less for a time, and guests with an end");
    Line();
    Line("The stricter of two groups' answers holds; help-lines stay open.");
    Line();
    for (const v1::Restriction& one : policy_.restrictions()) {
      Line("- ", PlainText(RestrictionWords(policy_, one)), ".");
    }
    Line();
  }

  static std::string Referrals(
      const google::protobuf::RepeatedPtrField<std::string>& ids) {
    std::vector<std::string> words;
    for (const std::string& id : ids) words.push_back(ReferralWords(id));
    return absl::StrJoin(words, ", ");
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
        Line("| ", row.id(), " | ", PlainText(row.incident()), " | ",
             Referrals(row.referrals()), " | ", Referrals(row.added()), " | ",
             Referrals(row.human_reason()), " | ", PlainText(row.seen()), " |");
      }
      if (any) Line();
    }
  }

  const v1::CompiledPolicy& policy_;
  std::string out_;
};

}  // namespace

std::string ExplainPeople(const v1::CompiledPolicy& policy) {
  return PeoplePart(policy).Write();
}

}  // namespace schoolgate::rules
