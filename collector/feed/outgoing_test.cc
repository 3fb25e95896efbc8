#include "collector/feed/outgoing.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/store/begun_log_test.h"
#include "collector/store/scratch_test.h"
#include "proto/seal/hmac.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

class OutgoingTest : public testing::Test {
 protected:
  OutgoingTest()
      : clock_(absl::FromUnixSeconds(1795338000)),  // Sunday, 22 November 2026
        alerts_(OpenSqliteAlertStore(scratch_.File("m.sqlite")).value()),
        accounts_(OpenSqliteAccountStore(scratch_.File("m.sqlite")).value()),
        audit_(BegunAuditLog(scratch_.File("m.sqlite"))),
        store_(OpenSqliteFeedStore(scratch_.File("m.sqlite")).value()),
        agreements_(
            OpenSqliteAgreementStore(scratch_.File("m.sqlite")).value()) {
    for (const auto& [name, role] :
         {std::pair("lead", Role::kSafetyLead), std::pair("head", Role::kHead),
          std::pair("second", Role::kSecondSenior)}) {
      Account account;
      account.name = name;
      account.role = role;
      account.school = "oak";
      account.own_pseudonym = absl::StrCat("P-", name);
      EXPECT_TRUE(accounts_->Put(account).ok());
    }
    config_.dashboard = "https://oak.example";
  }

  OutgoingFeeds Feeds() {
    return OutgoingFeeds(
        {*alerts_, *accounts_, *audit_, *store_, agreements_.get()}, config_,
        {[this](const auto&, const WebhookHeaders& headers,
                const std::string& body) {
           ++tries_;
           if (broken_) return absl::UnavailableError("nobody there");
           headers_ = headers;
           posts_.push_back(body);
           return absl::OkStatus();
         },
         [this](const auto&, const std::string& to, const std::string& text) {
           ++tries_;
           if (broken_) return absl::UnavailableError("nobody there");
           mails_.push_back(to + "\n" + text);
           return absl::OkStatus();
         }},
        clock_);
  }

  void AddWebhook(const std::string& account) {
    config_.webhooks.push_back({.name = account,
                                .account = account,
                                .url = "https://case.example/",
                                .secret = "a secret of some length"});
  }
  void AddMail(const std::string& account, bool digest) {
    config_.mail.emplace().from = "schoolgate@oak.example";
    config_.recipients.push_back({.account = account,
                                  .address = account + "@oak.example",
                                  .urgent = !digest,
                                  .digest = digest});
  }

  uint64_t AddAlert(const std::string& subject, v1::Severity severity,
                    const std::string& group = "ks2") {
    v1::Alert alert;
    alert.set_school("oak");
    alert.set_subject(subject);
    alert.set_severity(severity);
    alert.set_group(group);
    alert.set_rule("repeated_contacts");
    alert.set_category("gambling");
    alert.set_title("Repeated tries: gambling sites");
    alert.set_sentence("Pupil contacted bets.example.test on laptop-12.");
    alert.set_device_name("laptop-12");
    alert.set_state(v1::ALERT_STATE_NEW);
    alert.set_raised_unix_us(absl::ToUnixMicros(clock_.Now()));
    return alerts_->Put(alert)->id();
  }

  std::vector<uint64_t> Posted() {
    std::vector<uint64_t> ids;
    for (const std::string& post : posts_) {
      ids.push_back(nlohmann::json::parse(post)["alert"]["id"]);
    }
    return ids;
  }

  Scratch scratch_;
  platform::ManualClock clock_;
  std::unique_ptr<AlertStore> alerts_;
  std::unique_ptr<AccountStore> accounts_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<FeedStore> store_;
  std::unique_ptr<AgreementStore> agreements_;
  OutgoingConfig config_;
  bool broken_ = false;
  int tries_ = 0;
  std::vector<std::string> posts_, mails_;
  WebhookHeaders headers_;
};

TEST_F(OutgoingTest, AWebhookIsSignedAndTellsWhatIsNewOnceInOrder) {
  AddAlert("P-1", v1::SEVERITY_SERIOUS);  // before the feed: not told
  AddWebhook("lead");
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  const uint64_t one = AddAlert("P-1", v1::SEVERITY_SERIOUS);
  const uint64_t two = AddAlert("P-2", v1::SEVERITY_ROUTINE);
  feeds.Step();
  feeds.Step();
  EXPECT_EQ(Posted(), (std::vector<uint64_t>{one, two}));
  std::map<std::string, std::string> headers(headers_.begin(), headers_.end());
  const std::string seconds = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(headers["Schoolgate-Signature"],
            absl::StrCat("t=", seconds, ",v1=",
                         seal::ToHex(seal::HmacSha256(
                             "a secret of some length",
                             absl::StrCat(seconds, ".", posts_.back())))));
  EXPECT_EQ(headers["Schoolgate-Delivery"], absl::StrCat("oak/", two, "/3"));
  // Another process goes on where this one stood.
  OutgoingFeeds again = Feeds();
  const uint64_t three = AddAlert("P-3", v1::SEVERITY_ROUTINE);
  again.Step();
  EXPECT_EQ(Posted().back(), three);
  EXPECT_EQ(posts_.size(), 3u);
}

// A receiver that is down for an hour must lose nothing; one that is gone must
// not stop everything for ever, and what it missed must be known.
TEST_F(OutgoingTest, FailuresAreTriedAgainEverMoreRarelyThenGivenUp) {
  AddWebhook("lead");
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  const uint64_t one = AddAlert("P-1", v1::SEVERITY_SERIOUS);
  const uint64_t two = AddAlert("P-2", v1::SEVERITY_SERIOUS);
  broken_ = true;
  feeds.Step();
  feeds.Step();
  EXPECT_EQ(tries_, 1);
  clock_.Advance(absl::Seconds(5));
  feeds.Step();
  EXPECT_EQ(tries_, 2);
  clock_.Advance(absl::Seconds(9));
  feeds.Step();
  EXPECT_EQ(tries_, 2);
  clock_.Advance(absl::Seconds(1));
  feeds.Step();
  EXPECT_EQ(tries_, 3);
  while (store_->Progress("webhook/lead")->dead == 0) {
    clock_.Advance(absl::Minutes(30));
    feeds.Step();
  }
  EXPECT_EQ(store_->Dead("webhook/lead")->front().alert, one);
  broken_ = false;
  clock_.Advance(absl::Hours(1));
  feeds.Step();
  EXPECT_EQ(Posted(), std::vector<uint64_t>{two});
  ASSERT_TRUE(store_->Redeliver("webhook/lead").ok());
  feeds.Step();
  EXPECT_EQ(Posted(), (std::vector<uint64_t>{two, one, two}));
  EXPECT_TRUE(store_->Dead("webhook/lead")->empty());
}

TEST_F(OutgoingTest, WaitsGrowToAnHour) {
  EXPECT_EQ(WaitAfterAttempts(1), absl::Seconds(5));
  EXPECT_EQ(WaitAfterAttempts(4), absl::Seconds(40));
  EXPECT_EQ(WaitAfterAttempts(12), absl::Hours(1));
  EXPECT_EQ(WaitAfterAttempts(4000), absl::Hours(1));
}

// The head's own mail box would say that somebody looks into the head.
TEST_F(OutgoingTest, NobodyIsToldOfAnAlertAboutThemselves) {
  for (const char* name : {"lead", "head", "second"}) {
    AddWebhook(name);
    AddMail(name, false);
  }
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  for (const char* name : {"lead", "head", "second"}) {
    AddAlert(absl::StrCat("P-", name), v1::SEVERITY_SERIOUS, "staff");
  }
  feeds.Step();
  EXPECT_FALSE(posts_.empty());
  for (const std::string& mail : mails_) {
    EXPECT_FALSE(absl::StartsWith(mail, "lead@")) << mail;  // staff: not theirs
  }
  const std::vector<AuditEntry> entries = audit_->Read(0, 100).value();
  for (const AuditEntry& entry : entries) {
    if (entry.action == "send_webhook" || entry.action == "send_mail") {
      uint64_t id = 0;
      ASSERT_TRUE(absl::SimpleAtoi(entry.about, &id));
      EXPECT_NE(alerts_->Get(id)->subject(), "P-" + entry.detail);
    } else {
      EXPECT_TRUE(entry.about.empty() &&
                  !absl::StrContains(entry.detail, "P-"));
    }
  }
}

TEST_F(OutgoingTest, UrgentMailsComeAtOnceThenTogetherAndOnce) {
  AddMail("lead", false);
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  AddAlert("P-1", v1::SEVERITY_RULE_BREAK);
  feeds.Step();
  EXPECT_TRUE(mails_.empty());
  const uint64_t one = AddAlert("P-1", v1::SEVERITY_SERIOUS);
  feeds.Step();
  ASSERT_EQ(mails_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(
      mails_[0], absl::StrCat("https://oak.example/alerts/", one)));
  AddAlert("P-2", v1::SEVERITY_SERIOUS);
  AddAlert("P-3", v1::SEVERITY_SERIOUS);
  ASSERT_TRUE(alerts_
                  ->Update(one,
                           [](v1::Alert* alert) {
                             alert->set_count(9);
                             return absl::OkStatus();
                           })
                  .ok());
  clock_.Advance(absl::Minutes(4));
  feeds.Step();
  EXPECT_EQ(mails_.size(), 1u);
  clock_.Advance(absl::Minutes(1));
  feeds.Step();
  ASSERT_EQ(mails_.size(), 2u);
  EXPECT_TRUE(absl::StrContains(mails_[1], "2 alerts to look at now"));
  clock_.Advance(absl::Hours(1));
  feeds.Step();
  EXPECT_EQ(mails_.size(), 2u);
}

TEST_F(OutgoingTest, AMailThatFailsIsSentLater) {
  AddMail("lead", false);
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  AddAlert("P-1", v1::SEVERITY_SERIOUS);
  broken_ = true;
  feeds.Step();
  AddAlert("P-2", v1::SEVERITY_SERIOUS);
  broken_ = false;
  clock_.Advance(absl::Seconds(5));
  feeds.Step();
  ASSERT_EQ(mails_.size(), 1u);
  EXPECT_TRUE(absl::StrContains(mails_[0], "2 alerts to look at now"));
}

// A mail box is no safe: whoever reads along must learn nothing of a child.
TEST_F(OutgoingTest, NoMailNamesAPersonHostDeviceOrKind) {
  AddMail("lead", false);
  AddMail("head", true);
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  AddAlert("P-7F3AQ2", v1::SEVERITY_SERIOUS);
  clock_.Advance(absl::Hours(24));  // Monday
  feeds.Step();
  EXPECT_EQ(mails_.size(), 2u);
  for (const std::string& mail : mails_) {
    for (const char* secret :
         {"P-7F3AQ2", "bets", "example.test", "laptop", "ambling", "Pupil"}) {
      EXPECT_FALSE(absl::StrContains(mail, secret)) << mail;
    }
  }
}

TEST_F(OutgoingTest, TheDigestComesOnceEachSchoolDayAlsoWhenNothingIsOpen) {
  AddMail("lead", true);
  OutgoingFeeds feeds = Feeds();
  for (int hour = 0; hour < 24 * 7; ++hour) {  // from Sunday
    feeds.Step();
    clock_.Advance(absl::Hours(1));
  }
  ASSERT_EQ(mails_.size(), 5u);
  EXPECT_TRUE(absl::StrContains(mails_[0], "nothing is open"));
  EXPECT_TRUE(absl::StrContains(mails_[0], "Monday"));
  EXPECT_TRUE(absl::StrContains(mails_[4], "Friday"));
}

TEST_F(OutgoingTest, WhatTwoPeopleMovedToTheDigestSendsNoUrgentMail) {
  AddMail("lead", false);
  ASSERT_TRUE(agreements_
                  ->Put({.school = "oak",
                         .kind = "repeated_contacts/gambling",
                         .in_digest = true})
                  .ok());
  OutgoingFeeds feeds = Feeds();
  feeds.Step();
  AddAlert("P-1", v1::SEVERITY_SERIOUS);
  feeds.Step();
  EXPECT_TRUE(mails_.empty());
  AddAlert("P-1", v1::SEVERITY_ILLEGAL);
  feeds.Step();
  EXPECT_EQ(mails_.size(), 1u);
}

TEST(Wire, NothingGoesOverANetworkInTheClear) {
  EXPECT_TRUE(CheckWebhookUrl("https://case.example/").ok());
  EXPECT_TRUE(CheckWebhookUrl("http://127.0.0.1:99/").ok());
  EXPECT_TRUE(CheckWebhookUrl("http://localhost/x").ok());
  for (const char* url : {"http://case.example/", "http://localhost.evil/",
                          "file:///etc/passwd", "", "http://"}) {
    EXPECT_FALSE(CheckWebhookUrl(url).ok()) << url;
  }
  EXPECT_TRUE(CheckMailUrl("smtps://mail.example").ok());
  EXPECT_FALSE(CheckMailUrl("http://mail.example").ok());
}

}  // namespace
}  // namespace schoolgate::collector
