#include "collector/cases/sight.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/store/alert_brief.h"

namespace schoolgate::collector {
namespace {

Account Person(Role role, const std::string& own_pseudonym = "") {
  Account account;
  account.name = "somebody";
  account.role = role;
  account.school = "oakfield";
  account.own_pseudonym = own_pseudonym;
  return account;
}

v1::Alert About(const std::string& subject, const std::string& group) {
  v1::Alert alert;
  alert.set_school("oakfield");
  alert.set_subject(subject);
  alert.set_group(group);
  alert.set_rule("repeated_contacts");
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  return alert;
}

constexpr Role kRoles[] = {Role::kItProvider,
                           Role::kSafetyLead,
                           Role::kDeputy,
                           Role::kHead,
                           Role::kSecondSenior,
                           Role::kGovernor,
                           Role::kDataProtectionOfficer};

// Whoever an alert is about could read it, or see that it exists.
TEST(Sight, NobodySeesWhatNamesThem) {
  for (Role role : kRoles) {
    const Account viewer = Person(role, "P-SELF00");
    v1::Alert alert = About("P-SELF00", "ks2");
    EXPECT_EQ(SightOf(viewer, alert, {}), Sight::kNothing);
    EXPECT_FALSE(MayOversee(viewer, alert, {}));
    // Also where only a note or a sentence names them.
    v1::Alert mentioned = About("P-OTHER0", "ks2");
    mentioned.add_notes()->set_words("P-SELF00 used this device before.");
    EXPECT_EQ(SightOf(viewer, mentioned, {}), Sight::kNothing);
  }
}

TEST(Sight, NobodySeesAnotherSchool) {
  for (Role role : kRoles) {
    v1::Alert alert = About("P-000001", "ks2");
    alert.set_school("elsewhere");
    EXPECT_EQ(SightOf(Person(role), alert, {}), Sight::kNothing);
    // An account that was stored without a school sees no school.
    Account nowhere = Person(role);
    nowhere.school.clear();
    EXPECT_EQ(SightOf(nowhere, alert, {}), Sight::kNothing);
  }
}

TEST(Sight, TheProviderSeesDevicesAndNoPersons) {
  Account provider = Person(Role::kItProvider);
  provider.school.clear();
  EXPECT_EQ(SightOf(provider, About("P-000001", "ks2"), {}), Sight::kNothing);
  v1::Alert silent = About("D-00000001", "ks2");
  silent.set_rule("silent_device");
  EXPECT_EQ(SightOf(provider, silent, {}), Sight::kHealth);
  silent.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_EQ(SightOf(provider, silent, {}), Sight::kNothing);
}

TEST(Sight, GovernorsSeeNobodyInParticular) {
  EXPECT_EQ(SightOf(Person(Role::kGovernor), About("P-000001", "ks2"), {}),
            Sight::kAnonymous);
}

// Two people have to close a case of illegal material: there must be two.
TEST(Sight, IllegalMaterialAlwaysReachesTwoWhoCanClose) {
  const Account head = Person(Role::kHead, "P-HEAD00");
  const Account second = Person(Role::kSecondSenior, "P-SECOND");
  const Account lead = Person(Role::kSafetyLead, "P-LEAD00");
  const Account deputy = Person(Role::kDeputy);
  // The second school has no second senior.
  for (const std::vector<Account>& everybody :
       {std::vector<Account>{head, second, lead, deputy},
        std::vector<Account>{head, lead, deputy}}) {
    for (const char* subject :
         {"P-HEAD00", "P-SECOND", "P-LEAD00", "P-OTHER0"}) {
      for (const char* group : {"staff", "ks2"}) {
        v1::Alert alert = About(subject, group);
        alert.set_severity(v1::SEVERITY_ILLEGAL);
        int can_close = 0;
        for (const Account& viewer : everybody) {
          can_close += SightOf(viewer, alert, everybody) == Sight::kFull;
        }
        EXPECT_GE(can_close, 2) << subject << " in " << group << ", "
                                << everybody.size() << " accounts";
      }
    }
  }
}

// Staff cases are not for everybody who looks after pupils.
TEST(Sight, IllegalMaterialOfStaffStaysWithTwoSeniorsWhereThereAreTwo) {
  const std::vector<Account> everybody = {
      Person(Role::kHead), Person(Role::kSecondSenior),
      Person(Role::kSafetyLead), Person(Role::kDeputy)};
  v1::Alert alert = About("P-OTHER0", "staff");
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_EQ(SightOf(everybody[0], alert, everybody), Sight::kFull);
  EXPECT_EQ(SightOf(everybody[1], alert, everybody), Sight::kFull);
  EXPECT_EQ(SightOf(everybody[2], alert, everybody), Sight::kNothing);
  EXPECT_EQ(SightOf(everybody[3], alert, everybody), Sight::kNothing);
}

// The lead would be called for what a technician has to find out.
TEST(Sight, NamesThatAProgramMadeUpGoToTheProviderAlone) {
  Readers everybody;
  for (Role role : kRoles) everybody.accounts.push_back(Person(role));
  v1::Alert alert = About("D-LAPTOP1", "");
  alert.set_rule("odd_names");
  for (Role role : kRoles) {
    EXPECT_EQ(SightOf(Person(role), alert, everybody) == Sight::kFull, false);
  }
  EXPECT_EQ(SightOf(Person(Role::kItProvider), alert, everybody),
            Sight::kHealth);
  EXPECT_EQ(SightOf(Person(Role::kSafetyLead), alert, everybody),
            Sight::kNothing);
  // Where no provider has an account somebody still learns of it.
  Readers without;
  without.accounts = {Person(Role::kHead), Person(Role::kSafetyLead)};
  EXPECT_EQ(SightOf(without.accounts[0], alert, without), Sight::kFull);
  EXPECT_EQ(SightOf(without.accounts[1], alert, without), Sight::kNothing);
}

// A report would count what its reader may not know of, or leave out what they
// may: the quick way to ask, over brief alerts, answers like the slow one.
TEST(Sight, OfManyBriefAlertsIsThatOfEachWholeOne) {
  Readers everybody;
  for (Role role : kRoles) {
    everybody.accounts.push_back(
        Person(role, absl::StrCat("P-ROLE0", static_cast<int>(role))));
  }
  std::vector<v1::Alert> alerts;
  for (const char* subject : {"P-ROLE01", "P-ROLE03", "P-000001", "D-000001"}) {
    for (const char* group : {"ks2", "staff", ""}) {
      for (const char* rule :
           {"repeated_contacts", "silent_device", "person_asks", "odd_names"}) {
        for (const auto severity :
             {v1::SEVERITY_SERIOUS, v1::SEVERITY_ILLEGAL}) {
          for (const char* note : {"", "Sat beside P-ROLE04.", "(P-ROLE06)"}) {
            v1::Alert alert = About(subject, group);
            alert.set_rule(rule);
            alert.set_severity(severity);
            if (*note != 0) alert.add_notes()->set_words(note);
            alert.add_evidence()->set_sentence("P-ROLE05, again");
            alerts.push_back(std::move(alert));
          }
        }
      }
    }
  }
  std::map<Sight, int> seen;
  for (const Account& viewer : everybody.accounts) {
    SightOfMany many(viewer, everybody);
    for (const v1::Alert& alert : alerts) {
      const Sight whole = SightOf(viewer, alert, everybody);
      EXPECT_EQ(many(BriefOf(alert)), whole) << alert.ShortDebugString();
      EXPECT_EQ(many(alert), whole) << alert.ShortDebugString();
      ++seen[whole];
    }
  }
  EXPECT_GT(seen[Sight::kFull], 50);
  EXPECT_GT(seen[Sight::kNothing], 50);
}

}  // namespace
}  // namespace schoolgate::collector
