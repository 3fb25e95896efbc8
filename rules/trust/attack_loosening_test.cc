// Releases that loosen without the consent that loosening takes.
#include <gtest/gtest.h>

#include <functional>

#include "rules/trust/example/victim.h"

namespace schoolgate::rules {
namespace {

std::vector<Attack> LoosenedHosts() {
  const auto row = [](ExampleBundle& b, int i) {
    return b.policy.mutable_matrix(i);
  };
  return {
      ByProviderAlone("a host taken from a blocked category",
                      [](auto& b) { b.hosts.erase("casino.test"); }),
      ByProviderAlone("a host moved to a weaker category",
                      [](auto& b) { b.hosts["adult.test"] = {"social"}; }),
      ByProviderAlone("one sub-domain's own category taken",
                      [](auto& b) { b.hosts.erase("chat.games.test"); }),
      ByProviderAlone("what is below a host no longer listed",
                      [](auto& b) {
                        b.alone = {{"gambling", "casino.test"}};
                      }),
      ByProviderAlone("the same, with some of it listed itself",
                      [](auto& b) {
                        b.alone = {{"gambling", "casino.test"}};
                        b.hosts["any-0.casino.test"] = {"gambling"};
                      }),
      ByProviderAlone("a sub-domain that only a host listed alone is left of",
                      [](auto& b) {
                        b.hosts.erase("chat.games.test");
                        b.hosts["games.test"] = {"games", "social"};
                        b.alone = {{"social", "games.test"}};
                      }),
      ByProviderAlone("a host added to the help-lines",
                      [](auto& b) { b.hosts["social.test"] = {"helpline"}; }),
      ByProviderAlone("an unlisted host added to the help-lines",
                      [](auto& b) { b.hosts["new.test"] = {"helpline"}; }),
      ByProviderAlone("a host opened to the allow-list-only group",
                      [](auto& b) { b.hosts["new.test"] = {"education"}; }),
      ByProviderAlone("a help-line taken from those never recorded",
                      [](auto& b) { b.hosts.erase("childline.test"); }),
      ByProviderAlone("everything unlisted",
                      [](auto& b) {
                        b.hosts = {{"abuse.test", {"child-abuse"}}};
                      }),
      ByProviderAlone(
          "block becomes allow",
          [row](auto& b) { row(b, 1)->set_action(v1::ACTION_ALLOW); }),
      ByProviderAlone(
          "block becomes warn",
          [row](auto& b) { row(b, 2)->set_action(v1::ACTION_WARN); }),
      ByProviderAlone("a row that opens to the youngest gone with its block",
                      [](auto& b) {
                        b.policy.mutable_matrix()->SwapElements(1, 5);
                        b.policy.mutable_matrix()->RemoveLast();
                      }),
  };
}

std::vector<Attack> LoosenedPolicies() {
  return {
      ByProviderAlone(
          "a row no longer speaks of a group",
          [](auto& b) {
            b.policy.mutable_matrix(1)->mutable_groups()->RemoveLast();
            b.policy.mutable_matrix(1)->set_groups(0, 1);
          }),
      ByProviderAlone(
          "a row no longer speaks of a category",
          [](auto& b) {
            b.policy.mutable_matrix(1)->mutable_categories()->RemoveLast();
          }),
      ByProviderAlone("a weaker row for a group below",
                      [](auto& b) {
                        auto* rule = b.policy.add_matrix();
                        *rule = b.policy.matrix(2);
                        rule->set_id("games-ks1");
                        rule->set_groups(0, 2);
                        rule->set_action(v1::ACTION_ALLOW);
                      }),
      ByProviderAlone(
          "a longer lunch",
          [](auto& b) {
            b.policy.mutable_schedules(0)->mutable_windows(0)->set_to_minute(
                18 * 60);
          }),
      ByProviderAlone(
          "lunch all around the clock by time zone",
          [](auto& b) {
            b.policy.mutable_calendar()->mutable_offsets(0)->set_offset_s(6 *
                                                                          3600);
          }),
      ByProviderAlone("an exception off site",
                      [](auto& b) {
                        auto* e = b.policy.mutable_matrix(1)->add_exceptions();
                        e->set_clause(-1);
                        e->set_place(v1::PLACE_OFFSITE);
                        e->set_action(v1::ACTION_ALLOW);
                      }),
      ByProviderAlone("a nominated user",
                      [](auto& b) {
                        auto* e = b.policy.mutable_matrix(1)->add_exceptions();
                        e->set_action(v1::ACTION_ALLOW);
                        e->set_clause(-1);
                        auto* nominee = e->add_nominees();
                        nominee->set_user("mallory");
                        nominee->set_expires_unix_s(1900000000);
                      }),
      ByProviderAlone(
          "a category made passable",
          [](auto& b) { b.policy.mutable_categories(1)->set_passable(true); }),
      ByProviderAlone(
          "a category never recorded",
          [](auto& b) { b.policy.mutable_categories(2)->set_never_log(true); }),
      ByProviderAlone(
          "a category not recorded by name",
          [](auto& b) { b.policy.mutable_categories(2)->set_nameless(true); }),
      ByProviderAlone(
          "a category that displaces adult",
          [](auto& b) { b.policy.mutable_categories(4)->add_displaces(1); }),
      ByProviderAlone("a category that counts as harmless",
                      [](auto& b) {
                        b.policy.mutable_categories(1)->set_tier(
                            v1::TIER_HARMLESS);
                      }),
      ByProviderAlone(
          "a category gone under another name",
          [](auto& b) { b.policy.mutable_categories(2)->set_id("leisure"); }),
      ByProviderAlone("another host allowed by name",
                      [](auto& b) {
                        b.policy.mutable_host_rules(0)->add_hosts(
                            "casino.test");
                      }),
      ByProviderAlone("a host warned of that was blocked by category",
                      [](auto& b) {
                        auto* rule = b.policy.add_host_rules();
                        *rule = b.policy.host_rules(0);
                        rule->set_id("casino");
                        rule->set_hosts(0, "casino.test");
                        rule->set_action(v1::ACTION_WARN);
                      }),
      ByProviderAlone(
          "another host never recorded",
          [](auto& b) { b.policy.add_never_log_hosts("adult.test"); }),
      ByProviderAlone("the default of a group opened",
                      [](auto& b) {
                        b.policy.mutable_groups(2)->set_allow_list_only(false);
                      }),
      ByProviderAlone("the strictest group's default opened",
                      [](auto& b) {
                        b.policy.mutable_groups(3)->set_default_action(
                            v1::ACTION_ALLOW);
                      }),
      ByProviderAlone("a group without rules added",
                      [](auto& b) {
                        auto* group = b.policy.add_groups();
                        group->set_id("friends");
                        group->set_parent(-1);
                        group->set_default_clause(-1);
                        group->set_default_action(v1::ACTION_ALLOW);
                      }),
      ByProviderAlone("enforcement turned off",
                      [](auto& b) { b.policy.set_mode("observe"); }),
      ByProviderAlone(
          "a rule that records nothing",
          [](auto& b) { b.policy.mutable_matrix(1)->set_silent(true); }),
      ByProviderAlone(
          "alerts routed to somebody else",
          [](auto& b) { b.policy.add_routes()->add_to("provider"); }),
      ByProviderAlone("one loosening among many tightenings",
                      [](auto& b) {
                        for (int i = 0; i < 50; ++i) {
                          b.hosts["bad" + std::to_string(i) + ".test"] = {
                              "adult"};
                        }
                        b.hosts.erase("games.test");
                      }),
      ByProviderAlone(
          "the locked category unlocked",
          [](auto& b) {
            b.policy.mutable_categories(0)->set_id("renamed");
            b.policy.mutable_categories(0)->set_locked(false);
          },
          Refusal::kLockedRemoved),
      ByProviderAlone(
          "a locked host unlisted",
          [](auto& b) { b.hosts.erase("abuse.test"); },
          Refusal::kLockedRemoved),
      {"the school alone, with two keys", Refusal::kLoosenedByOne,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11,
                              .release = {kSchoolHead, kSchoolLead}};
         bundle.hosts.erase("games.test");
         return v.Offer(bundle);
       }},
      {"what is below a locked host unlocked", Refusal::kLockedRemoved,
       [](Victim& victim) {
         ExampleBundle bundle{.version = 11};
         bundle.alone = {{"child-abuse", "abuse.test"}};
         return victim.Offer(bundle);
       }},
      {"a locked host unlisted by provider and school together",
       Refusal::kLockedRemoved,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11};
         bundle.hosts.erase("abuse.test");
         return v.Offer(bundle);
       }},
      {"a locked host made adult by provider and school",
       Refusal::kLockedRemoved,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11};
         bundle.hosts["abuse.test"] = {"adult"};
         return v.Offer(bundle);
       }},
      {"a locked host unlisted with a stranger for the authority",
       Refusal::kUnknownKey,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11, .locked = {kStranger}};
         bundle.hosts.erase("abuse.test");
         return v.Offer(bundle);
       }},
      {"a locked host unlisted with the head for the authority",
       Refusal::kWrongRole,
       [](Victim& v) {
         ExampleBundle bundle{.version = 11, .locked = {kSchoolHead}};
         bundle.hosts.erase("abuse.test");
         return v.Offer(bundle);
       }},
      {"a device's first rules by the provider alone", Refusal::kLoosenedByOne,
       [](Victim& v) {
         auto fresh = *Acceptance::Open(v.folder() + "/fresh");
         EXPECT_TRUE(fresh->ConsiderRoot(ExampleRootFile()).ok());
         WriteExample(v.path(), {.release = {kProviderAda, kProviderBen}});
         return fresh->Consider(v.path(), ExampleTime());
       }},
  };
}

// One organisation could open what two agreed to close.
TEST(AttackTest, HostsAreNotLoosenedByOne) { ExpectRefused(LoosenedHosts()); }
TEST(AttackTest, PoliciesAreNotLoosenedByOne) {
  ExpectRefused(LoosenedPolicies());
}

// Whom the school moved to a stricter group, one organisation alone could let
// out before the day that two people agreed on.
TEST(AttackTest, ARestrictionIsNotEndedByOne) {
  const auto restricted = [](ExampleBundle* bundle) {
    v1::Restriction* one = bundle->policy.add_restrictions();
    one->set_user("pupil.one");
    one->set_to(1);
    one->set_from_unix_s(1800000000);
    one->set_expires_unix_s(1900000000);
    one->set_reason("agreed");
    return one;
  };
  const std::vector<std::function<void(v1::CompiledPolicy&)>> changes = {
      [](auto& p) { p.clear_restrictions(); },
      [](auto& p) { p.mutable_restrictions(0)->set_user("pupil.two"); },
      [](auto& p) { p.mutable_restrictions(0)->set_to(0); },
      [](auto& p) {
        p.mutable_restrictions(0)->set_expires_unix_s(1899999999);
      },
      [](auto& p) { p.mutable_restrictions(0)->set_from_unix_s(1800000001); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Victim victim;
    ExampleBundle first{.version = 11, .release = {kProviderAda, kProviderBen}};
    restricted(&first);
    ASSERT_EQ(victim.Offer(first), absl::OkStatus())
        << "to restrict takes no second organisation";
    ExampleBundle next = first;
    next.version = 12;
    changes[i](next.policy);
    const absl::Status status = victim.Offer(next);
    EXPECT_EQ(RefusalOf(status), Refusal::kLoosenedByOne) << i << status;
    next.release = {kProviderAda, kSchoolHead};
    EXPECT_EQ(victim.Offer(next), absl::OkStatus()) << i;
  }
}

// What everybody has below a company's name would never be recorded.
TEST(AttackTest, WhatIsBelowAHelpLineListedAloneStaysOut) {
  Victim victim;
  ExampleBundle first{.version = 11};
  first.hosts["pages.test"] = {"helpline"};
  first.alone = {{"helpline", "pages.test"}};
  ASSERT_EQ(victim.Offer(first), absl::OkStatus());
  ExampleBundle next = first;
  next.version = 12;
  next.alone.clear();
  next.release = {kProviderAda, kProviderBen};
  EXPECT_EQ(RefusalOf(victim.Offer(next)), Refusal::kLoosenedByOne);
  next.alone = first.alone;
  next.hosts["new.test"] = {"gambling"};
  EXPECT_EQ(victim.Offer(next), absl::OkStatus());
}

// A provider who may not tighten alone could not react to a new site.
TEST(AttackTest, TighteningNeedsNoSecondOrganisation) {
  const std::vector<std::function<void(ExampleBundle&)>> changes = {
      [](auto&) {},
      [](auto& b) { b.hosts["new.test"] = {"adult"}; },
      [](auto& b) {
        b.hosts["social.test"] = {"social", "adult"};
      },
      [](auto& b) { b.hosts["new.test"] = {"child-abuse"}; },
      [](auto& b) { b.policy.set_title("New title"); },
      [](auto& b) {
        b.policy.mutable_matrix(3)->set_action(v1::ACTION_BLOCK);
        b.policy.mutable_matrix(3)->clear_exceptions();
      },
      [](auto& b) { b.policy.mutable_categories(3)->set_passable(false); },
      [](auto& b) {
        b.policy.mutable_groups(0)->set_default_action(v1::ACTION_RECORD);
      },
      [](auto& b) {
        auto* rule = b.policy.add_host_rules();
        *rule = b.policy.host_rules(0);
        rule->set_id("bad-site");
        rule->set_hosts(0, "bad.test");
        rule->set_action(v1::ACTION_BLOCK);
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Victim victim;
    ExampleBundle bundle{.version = 11,
                         .release = {kProviderAda, kProviderBen}};
    changes[i](bundle);
    EXPECT_EQ(victim.Offer(bundle), absl::OkStatus()) << i;
  }
}

// Provider and school together could not change anything any more.
TEST(AttackTest, ConsentOpensWhatItShould) {
  Victim victim;
  ExampleBundle looser{.version = 11};
  looser.hosts.erase("casino.test");
  EXPECT_EQ(victim.Offer(looser), absl::OkStatus());
  ExampleBundle unlocked{.version = 12, .locked = {kPolice}};
  unlocked.hosts.erase("casino.test");
  unlocked.hosts.erase("abuse.test");
  EXPECT_EQ(victim.Offer(unlocked), absl::OkStatus());
}

}  // namespace
}  // namespace schoolgate::rules
