#include "agent/decide/portal_allowance.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

constexpr char kProbe[] = "detectportal.firefox.com";
constexpr char kPage[] = "login.hotspot.example";
constexpr int64_t kMinute = 60'000'000;

class PortalAllowanceTest : public testing::Test {
 protected:
  PortalAllowanceTest() {
    unlisted_.action = rules::Action::kBlock;
    unlisted_.rule = "default";
  }

  bool Opens(const std::string& host, int64_t at) {
    return Opens(host, unlisted_, at);
  }
  bool Opens(const std::string& host, const rules::Decision& block,
             int64_t at) {
    const auto open = portal_.InPlaceOf(block, host, at, absl::UnixEpoch());
    return open && open->action == rules::Action::kAllow;
  }

  rules::Decision unlisted_;
  PortalAllowance portal_;
};

// Otherwise an infant's laptop could never get online in a hotel.
TEST_F(PortalAllowanceTest, ThePageThatAProbeIsSentToOpensForFiveMinutes) {
  EXPECT_TRUE(Opens(kProbe, 0));
  EXPECT_FALSE(Opens(kPage, 0));
  portal_.OnRedirect(kProbe, kPage, kMinute);
  EXPECT_TRUE(Opens(kPage, kMinute));
  EXPECT_TRUE(Opens(kPage, 6 * kMinute - 1));
  EXPECT_FALSE(Opens(kPage, 6 * kMinute));
  EXPECT_FALSE(Opens(kPage, 0)) << "the time since boot cannot be before";
}

// Otherwise whoever runs the network could open anything.
TEST_F(PortalAllowanceTest, OnlyWhatNobodyHasListedOpens) {
  portal_.OnRedirect(kProbe, kPage, 0);
  rules::Decision block = unlisted_;
  block.categories = {"gambling"};
  EXPECT_FALSE(Opens(kPage, block, 0));
  block = unlisted_;
  block.rule = "a-rule-of-the-school";
  EXPECT_FALSE(Opens(kPage, block, 0));
  block = unlisted_;
  block.locked = true;
  EXPECT_FALSE(Opens(kPage, block, 0));
  EXPECT_FALSE(Opens(kProbe, block, 0));
}

// Otherwise any web server could open what it likes.
TEST_F(PortalAllowanceTest, OnlyProbesAndOpenPagesLeadOn) {
  portal_.OnRedirect("www.example.org", kPage, 0);
  EXPECT_FALSE(Opens(kPage, 0));
  portal_.OnRedirect(kProbe, kPage, 0);
  portal_.OnRedirect(kPage, "pay.hotspot.example", 0);
  EXPECT_TRUE(Opens("pay.hotspot.example", 0));
  EXPECT_FALSE(Opens("sub.pay.hotspot.example", 0));
  portal_.OnRedirect(kPage, "late.hotspot.example", 5 * kMinute);
  EXPECT_FALSE(Opens("late.hotspot.example", 5 * kMinute));
}

TEST_F(PortalAllowanceTest, AFewHostsAFewTimesAnHour) {
  for (int i = 0; i < 20; ++i) {
    portal_.OnRedirect(kProbe, std::to_string(i) + ".example", 0);
  }
  EXPECT_EQ(portal_.OpenHosts(0).size(), PortalAllowance::kMostHosts);
  EXPECT_TRUE(portal_.OpenHosts(5 * kMinute).empty());
  portal_.OnRedirect(kProbe, kPage, 10 * kMinute);
  portal_.OnRedirect(kProbe, kPage, 20 * kMinute);
  EXPECT_TRUE(Opens(kPage, 20 * kMinute));
  portal_.OnRedirect(kProbe, kPage, 30 * kMinute);
  EXPECT_FALSE(Opens(kPage, 30 * kMinute));
  portal_.OnRedirect(kProbe, kPage, 60 * kMinute);
  EXPECT_TRUE(Opens(kPage, 60 * kMinute));
}

// Otherwise the school would not know, or would learn where its people are.
TEST_F(PortalAllowanceTest, ItIsToldOnceWithoutTheHost) {
  portal_.OnRedirect(kProbe, kPage, 0);
  EXPECT_FALSE(portal_.TakeNews()) << "nothing was opened yet";
  EXPECT_TRUE(Opens(kPage, 0));
  const auto news = portal_.TakeNews();
  ASSERT_TRUE(news);
  EXPECT_EQ(news->find("hotspot.example"), std::string::npos);
  EXPECT_TRUE(Opens(kPage, 0));
  EXPECT_FALSE(portal_.TakeNews());
}

}  // namespace
}  // namespace schoolgate::agent
