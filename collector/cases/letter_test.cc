// A letter home that names the site, another child, or something that nobody
// knows, does harm that no correction takes back.
#include "collector/cases/letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/policy/compile.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;
using testing::Not;

Policy CityPolicy() {
  static const Policy policy = [] {
    auto compiled = rules::CompilePolicyFile(
        std::string(SCHOOLGATE_SOURCE) + "/rules/policies/city-primary.yaml");
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return std::make_shared<v1::CompiledPolicy>(*std::move(compiled));
  }();
  return policy;
}

// Everything that an alert can hold and a letter must not.
v1::Alert Case(const std::string& category) {
  v1::Alert alert;
  alert.set_school("oak");
  alert.set_subject("P-7F3AQ2");
  alert.set_group("ks2");
  alert.set_category(category);
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  alert.set_state(v1::ALERT_STATE_LOOKING);
  alert.set_title("Repeated tries");
  alert.set_sentence("Pupil P-7F3AQ2 contacted bets.example.test.");
  alert.set_in_favour("Sat beside P-OTHER1.");
  alert.set_device("D-4KQ7X2M9");
  alert.set_device_name("laptop-12");
  alert.set_count(3);
  // Tuesday 24 November 2026, 10:42.
  alert.set_first_unix_us(1'795'516'920'000'000);
  alert.set_last_unix_us(1'795'516'980'000'000);
  v1::AlertEvidence* line = alert.add_evidence();
  line->set_host("bets.example.test");
  line->set_sentence("Contacted host bets.example.test.");
  line->set_action("blocked");
  line->set_device("D-4KQ7X2M9");
  alert.add_notes()->set_words("Ben Smith was there as well.");
  alert.mutable_incident()->set_description("Ben Smith showed it to them.");
  alert.mutable_incident()->set_action_taken("Spoke to Ben Smith.");
  alert.mutable_incident()->set_where("Year 6 classroom");
  return alert;
}

LetterHead Head() {
  return {"Oakfield Primary", "office@oakfield.test", "A. Patel", "Safety lead",
          absl::FromUnixSeconds(1'795'600'000)};
}

std::string TextOf(const v1::Alert& alert,
                   const v1::CompiledPolicy* policy = CityPolicy().get()) {
  const auto letter = LetterToParents(alert, policy, Head());
  EXPECT_TRUE(letter.ok()) << letter.status();
  if (!letter.ok()) return "";
  return absl::StrCat(absl::StrJoin(letter->before, "\n"), "\n[...]\n",
                      absl::StrJoin(letter->after, "\n"));
}

TEST(Letter, SaysWhatIsKnownAndNothingAboutAnybodyElse) {
  const std::string text = TextOf(Case("gambling"));
  EXPECT_THAT(text, HasSubstr("On Tuesday 24 November 2026"));
  EXPECT_THAT(text, HasSubstr("tried to reach a gambling site 3 times. Each "
                              "try was blocked."));
  EXPECT_THAT(text, Not(HasSubstr("contacted")));
  EXPECT_THAT(text, HasSubstr("not show what was typed, read or meant"));
  EXPECT_THAT(text, HasSubstr("“On-line gambling”"))
      << "the school's own sentence";
  EXPECT_THAT(text, HasSubstr("We are still finding out"));
  EXPECT_THAT(text, HasSubstr("A. Patel or write to office@oakfield.test"));
  for (const char* secret :
       {"bets.example.test", "P-7F3AQ2", "P-OTHER1", "laptop-12", "D-4KQ7X2M9",
        "Ben Smith", "Year 6"}) {
    EXPECT_THAT(text, Not(HasSubstr(secret))) << secret;
  }
}

TEST(Letter, QuotesNoPolicyWhereThereIsNone) {
  const std::string text = TextOf(Case("gambling"), nullptr);
  EXPECT_THAT(text, Not(HasSubstr("policy")));
  v1::Alert allowed = Case("gambling");
  allowed.mutable_evidence(0)->set_action("allowed");
  EXPECT_THAT(TextOf(allowed), Not(HasSubstr("blocked")));
  EXPECT_THAT(TextOf(allowed), HasSubstr("contacted a gambling site 3 times."));
  *allowed.add_evidence() = Case("gambling").evidence(0);
  EXPECT_THAT(TextOf(allowed), HasSubstr("contacted or tried to reach a"));
}

// Whoever needs help is not written home about as if they had broken a rule.
TEST(Letter, ConcernForAChildIsNoRuleBroken) {
  const v1::Alert alert = Case("self-harm");
  const std::string text = TextOf(alert);
  EXPECT_THAT(text, HasSubstr("Nobody is in trouble"));
  EXPECT_THAT(text, HasSubstr("Childline 0800 1111"));
  EXPECT_THAT(text, Not(HasSubstr("Our policy")));
  const auto letter = LetterToParents(alert, CityPolicy().get(), Head());
  EXPECT_THAT(absl::StrJoin(letter->cautions, "\n"),
              HasSubstr("put the child at risk"));
}

TEST(Letter, WhoReportedItThemselvesIsSaidToHave) {
  v1::Alert alert = Case("gambling");
  alert.add_evidence()->set_sentence("Reported by the person: by accident.");
  EXPECT_THAT(TextOf(alert), HasSubstr("told us about it themselves"));
}

TEST(Letter, SomeCasesHaveNone) {
  const auto why = [](v1::Alert alert) {
    return std::string(
        LetterToParents(alert, CityPolicy().get(), Head()).status().message());
  };
  v1::Alert alert = Case("gambling");
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_THAT(why(alert), HasSubstr("the police decide"));
  alert = Case("gambling");
  alert.set_group("staff");
  EXPECT_THAT(why(alert), HasSubstr("about an adult"));
  alert = Case("gambling");
  alert.set_subject("D-4KQ7X2M9");
  EXPECT_THAT(why(alert), HasSubstr("No person is known"));
  alert = Case("gambling");
  alert.set_state(v1::ALERT_STATE_CLOSED);
  alert.mutable_incident()->set_outcome("false_alarm");
  EXPECT_THAT(why(alert), HasSubstr("false alarm"));
  alert = Case("");
  EXPECT_THAT(why(alert), HasSubstr("not about hosts"));
}

}  // namespace
}  // namespace schoolgate::collector
