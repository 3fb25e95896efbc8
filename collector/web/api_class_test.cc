// A class at work is seen as a class, never as the people in it.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class ClassTest : public testing::Test {
 protected:
  ClassTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  StoredEvent Event(const std::string& device, const std::string& group,
                    absl::Duration ago = absl::Minutes(1)) {
    StoredEvent event;
    event.school = "oakfield";
    event.device = device;
    event.epoch = 1;
    event.received = event.happened = school_.clock().Now() - ago;
    event.event.set_sequence(++sequence_);
    event.event.mutable_person()->set_group(group);
    event.event.mutable_person()->set_pseudonym("P-SECRET");
    return event;
  }

  StoredEvent Blocked(StoredEvent event, const std::string& host,
                      const std::string& category) {
    v1::Contact& contact = *event.event.mutable_contact();
    contact.set_host(host);
    contact.add_categories(category);
    contact.set_action(v1::ACTION_BLOCK);
    contact.set_count(2);
    return event;
  }

  void Keep(const std::vector<StoredEvent>& events) {
    ASSERT_TRUE(school_.stores().events->Append(events).ok());
  }

  Response Look(const std::string& name, const std::string& query) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200);
    return browser.Get("/api/v1/class" + query);
  }

  TestSchool school_;
  Api api_;
  uint64_t sequence_ = 0;
};

TEST_F(ClassTest, ShowsWhatTheClassIsRefusedNowAndNobodyInIt) {
  Keep({Blocked(Event("D-1", "ks2"), "game.test", "games"),
        Blocked(Event("D-2", "ks2"), "game.test", "games"),
        Blocked(Event("D-1", "ks2"), "shop.test", "shopping"),
        Blocked(Event("D-1", "ks2", absl::Minutes(20)), "old.test", "games"),
        Blocked(Event("D-3", "staff"), "other.test", "games")});
  const Response shown = Look("lead", "?group=ks2");
  ASSERT_EQ(shown.status, 200) << shown.body;
  const json view = TestBrowser::Json(shown);
  ASSERT_EQ(view["refused"].size(), 2u) << view;
  EXPECT_EQ(view["refused"][0]["host"], "game.test");
  EXPECT_EQ(view["refused"][0]["times"], 4);
  EXPECT_EQ(view["refused"][0]["devices"], 2);
  EXPECT_EQ(view["devices"], 2);
  for (const char* word : {"P-SECRET", "D-1", "old.test", "other.test"}) {
    EXPECT_FALSE(absl::StrContains(shown.body, word)) << word;
  }
  EXPECT_EQ(school_.Audit().back().action, "view_class");
  EXPECT_EQ(school_.Audit().back().detail, "ks2");
}

TEST_F(ClassTest, WhatShowsWhoNeedsHelpIsCountedAndNotShown) {
  StoredEvent locked = Blocked(Event("D-1", "ks2"), "bad.test", "terrorism");
  locked.event.mutable_contact()->set_locked(true);
  Keep({Blocked(Event("D-1", "ks2"), "harm.test", "self-harm"), locked});
  const Response shown = Look("head", "?group=ks2");
  EXPECT_TRUE(TestBrowser::Json(shown)["refused"].empty());
  EXPECT_EQ(TestBrowser::Json(shown)["elsewhere"], 2);
  EXPECT_FALSE(absl::StrContains(shown.body, "harm.test"));
  EXPECT_FALSE(absl::StrContains(shown.body, "bad.test"));
}

TEST_F(ClassTest, ReportsStandThereWithoutTheirWords) {
  StoredEvent report = Event("D-1", "ks2");
  report.event.mutable_self_report()->set_host("odd.test");
  report.event.mutable_self_report()->set_kind(v1::SelfReport::KIND_ACCIDENT);
  report.event.mutable_self_report()->set_words("it was Ali's idea");
  Keep({report});
  const Response shown = Look("lead", "?group=ks2");
  EXPECT_EQ(TestBrowser::Json(shown)["reports"][0]["what"], "accident");
  EXPECT_EQ(TestBrowser::Json(shown)["reports"][0]["host"], "odd.test");
  EXPECT_FALSE(absl::StrContains(shown.body, "Ali"));
}

TEST_F(ClassTest, TakesAGroupAndTheRole) {
  EXPECT_EQ(Look("lead", "").status, 400);
  EXPECT_EQ(Look("it", "?group=ks2").status, 403);
  EXPECT_EQ(Look("governor", "?group=ks2").status, 403);
}

}  // namespace
}  // namespace schoolgate::collector
