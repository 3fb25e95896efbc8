// A school that cannot show who changed what about its filter, and when, has no
// change control.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class ChangesTest : public testing::Test {
 protected:
  ChangesTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    school_.AddAccount("elm.lead", Role::kSafetyLead, "elmfield");
  }

  void Happened(const std::string& who, const std::string& action,
                const std::string& about, const std::string& detail) {
    AuditEntry entry;
    entry.time = school_.clock().Now();
    entry.who = who;
    entry.action = action;
    entry.about = about;
    entry.detail = detail;
    ASSERT_TRUE(school_.stores().audit.Append(entry).ok());
  }

  std::string Month() {
    return absl::FormatTime("%Y-%m", school_.clock().Now(),
                            absl::UTCTimeZone());
  }

  Response Ask(const std::string& reader, const std::string& period,
               const std::string& more = "") {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(reader).status, 200) << reader;
    return browser.Get(
        absl::StrCat("/api/v1/report?kind=changes&period=", period, more));
  }

  json Rows(const std::string& reader, const std::string& period) {
    const Response answer = Ask(reader, period);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return TestBrowser::Json(answer)["tables"][0]["rows"];
  }

  TestSchool school_;
  Api api_;
};

TEST_F(ChangesTest, SaysWhoChangedWhatInItsTimeAndNothingElse) {
  Happened("root", "publish", "oakfield", "version 3");
  school_.clock().Advance(absl::Hours(24 * 40));
  const std::string month = Month();
  Happened("root", "publish", "all", "version 4");
  Happened("lead", "view_alert", "1", "");
  Happened("lead", "change_contact", "police", "101");
  Happened("head", "agree_retention", "", "{}");
  const json rows = Rows("head", month);
  ASSERT_EQ(rows.size(), 3u) << rows;
  EXPECT_EQ(rows[0][2], "New rules were published");
  EXPECT_EQ(rows[0][3], "version 4");
  EXPECT_EQ(rows[1][1], "The lead");
  EXPECT_EQ(rows[1][2], "Whom to tell was changed");
  EXPECT_EQ(rows[1][3], "") << "what people typed may be about somebody";
  school_.clock().Advance(absl::Hours(24 * 40));
  Happened("root", "publish", "all", "version 5");
  EXPECT_EQ(Rows("head", month).size(), 3u) << "a month stays what it was";
}

TEST_F(ChangesTest, AnotherSchoolsChangesAreNotToBeFound) {
  Happened("root", "publish", "elmfield", "version 9");
  Happened("elm.lead", "change_contact", "police", "999");
  Happened("root", "add_account", "elm.lead", "setup");
  EXPECT_TRUE(Rows("head", Month()).empty());
  EXPECT_EQ(Rows("elm.lead", Month()).size(), 3u);
}

TEST_F(ChangesTest, WhoMayReadItAndHowMuch) {
  Happened("root", "publish", "all", "version 4");
  for (const char* reader : {"lead", "head", "governor", "dpo"}) {
    EXPECT_EQ(Rows(reader, Month()).size(), 1u) << reader;
  }
  EXPECT_EQ(school_.Audit().back().action, "view_report");
  EXPECT_EQ(Ask("it", Month()).status, 403);
  const std::string year =
      absl::FormatTime("%Y", school_.clock().Now(), absl::UTCTimeZone());
  EXPECT_EQ(Ask("head", year + "-year").status, 400);
  const Response file = Ask("governor", Month(), "&format=csv");
  EXPECT_TRUE(absl::StrContains(file.body, "version 4")) << file.body;
}

}  // namespace
}  // namespace schoolgate::collector
