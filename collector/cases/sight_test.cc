#include "collector/cases/sight.h"

#include <gtest/gtest.h>

#include <vector>

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

}  // namespace
}  // namespace schoolgate::collector
