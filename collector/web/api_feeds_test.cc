#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "collector/feed/feed_token.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

class FeedApiTest : public testing::Test {
 protected:
  FeedApiTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  std::string TokenFor(const std::string& account) {
    const NewFeedToken made = MakeFeedToken(account, school_.clock().Now());
    EXPECT_TRUE(school_.stores().feeds->PutToken(made.stored).ok());
    return made.text;
  }

  Response Fetch(const std::string& kind, const std::string& authorization) {
    Request request;
    request.method = "GET";
    request.path = "/feed/alerts." + kind;
    request.address = "192.0.2.7";
    request.headers = {{"host", "school.test"},
                       {"authorization", authorization}};
    school_.clock().Advance(absl::Seconds(1));
    return api_.AnswerFeed(request);
  }

  TestSchool school_;
  Api api_;
};

TEST_F(FeedApiTest, OnlyAGoodTokenFetches) {
  school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  const std::string token = TokenFor("lead");
  std::string changed = token;
  changed.back() = changed.back() == '0' ? '1' : '0';
  for (const std::string& wrong :
       {std::string(), "Bearer " + changed, std::string("Bearer "),
        "Basic " + token, std::string("Bearer sgf1.x.y"), token}) {
    EXPECT_EQ(Fetch("atom", wrong).status, 401) << wrong;
  }
  EXPECT_EQ(Fetch("atom", "Bearer " + token).status, 200);
  std::string pair;
  absl::Base64Escape("anybody:" + token, &pair);
  EXPECT_EQ(Fetch("csv", "Basic " + pair).status, 200);
  EXPECT_EQ(school_.Audit().back().action, "fetch_feed");
  EXPECT_EQ(school_.Audit().back().who, "lead");
  FeedToken stored = *CheckFeedToken(token, *school_.stores().feeds);
  stored.withdrawn = true;
  ASSERT_TRUE(school_.stores().feeds->PutToken(stored).ok());
  EXPECT_EQ(Fetch("atom", "Bearer " + token).status, 401);
}

TEST_F(FeedApiTest, AReaderGetsWhatItsAccountMaySeeAndNoMore) {
  school_.AddAccount("head", Role::kHead, "oakfield", "P-HEAD00");
  school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  school_.AddAlert("P-HEAD00", v1::SEVERITY_SERIOUS);
  school_.AddAlert("P-ELSE00", v1::SEVERITY_SERIOUS, "elmfield");
  for (const char* kind : {"atom", "csv"}) {
    const Response head = Fetch(kind, "Bearer " + TokenFor("head"));
    EXPECT_NE(head.body.find("P-000001"), std::string::npos) << head.body;
    EXPECT_EQ(head.body.find("P-HEAD00"), std::string::npos) << head.body;
    EXPECT_EQ(head.body.find("P-ELSE00"), std::string::npos) << head.body;
    const Response second = Fetch(kind, "Bearer " + TokenFor("second"));
    EXPECT_NE(second.body.find("P-HEAD00"), std::string::npos);
    // Nobody in particular is all that a governor may know.
    const Response governor = Fetch(kind, "Bearer " + TokenFor("governor"));
    EXPECT_EQ(governor.body.find("P-0"), std::string::npos) << governor.body;
  }
}

TEST_F(FeedApiTest, WhatPeopleWroteCannotBreakOutOfADocument) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  ASSERT_TRUE(school_.stores()
                  .alerts
                  .Update(id,
                          [](v1::Alert* alert) {
                            alert->set_title("</title>&\x01<x>");
                            alert->set_sentence("a \"b\", c\nd");
                            alert->mutable_incident()->set_where("=1+1");
                            return absl::OkStatus();
                          })
                  .ok());
  const std::string token = "Bearer " + TokenFor("lead");
  EXPECT_NE(Fetch("atom", token)
                .body.find("<title>&lt;/title&gt;&amp;&lt;x&gt;</title>"),
            std::string::npos);
  const std::string csv = Fetch("csv", token).body;
  EXPECT_NE(csv.find("\"a \"\"b\"\", c\nd\""), std::string::npos) << csv;
  EXPECT_NE(csv.find("\"'=1+1\""), std::string::npos) << csv;
}

}  // namespace
}  // namespace schoolgate::collector
