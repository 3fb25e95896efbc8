#include "agent/decide/episode_tracker.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/decide/episode_service.h"
#include "gtest/gtest.h"

namespace schoolgate::agent {
namespace {

class Told : public EventSink {
 public:
  void Emit(v1::Event event) override { events.push_back(std::move(event)); }
  std::vector<v1::Event> events;
};

// A device whose browser, pages and programs do as the test says.
class Device {
 public:
  static constexpr int64_t kStart = 1'795'514'400'000'000;

  explicit Device(EpisodeOptions options = {}) : tracker_(options, told_) {
    Wait(60);
  }

  void Wait(double seconds) {
    // The agent's loop asks twice a second.
    const int64_t until = now_us_ + static_cast<int64_t>(seconds * 1e6);
    while (now_us_ < until) {
      now_us_ = std::min(until, now_us_ + 500'000);
      tracker_.OnTime(now_us_);
    }
  }

  void Step(int64_t us) { now_us_ += us; }

  void Ask(const std::string& name, const std::string& category = "") {
    Name(name, category, NameSource::kDns, 1, 0);
  }

  // Connects and returns the flow.
  FlowId Connect(const std::string& name, const std::string& category = "") {
    Flow(++flows_, 0, /*opened=*/true);
    Name(name, category, NameSource::kTls, 0, flows_);
    return flows_;
  }

  void Flow(FlowId flow, uint64_t received, bool opened = false) {
    FlowProgress progress;
    progress.time_us = now_us_;
    progress.flow = flow;
    progress.received_bytes = received;
    progress.packet_bytes = 1400;
    progress.packet_received = received;
    progress.earlier_us = now_us_;
    progress.opened = opened;
    tracker_.OnFlow(progress);
  }

  // What the farewell of a connection tells: bytes that came long before it.
  void Farewell(FlowId flow, uint64_t received, double seconds_ago) {
    FlowProgress progress;
    progress.time_us = now_us_;
    progress.flow = flow;
    progress.received_bytes = received;
    progress.packet_bytes = 83;
    progress.packet_received = 83;
    progress.earlier_us = now_us_ - static_cast<int64_t>(seconds_ago * 1e6);
    tracker_.OnFlow(progress);
  }

  // A page with a dozen hosts of other sites, and what it embeds.
  void NewsPage(const std::string& embedded, const std::string& category) {
    for (int i = 0; i < 12; ++i) {
      const std::string host = "cdn.site" + std::to_string(i) + ".test";
      Ask(host);
      Step(20'000);
      Connect(host);
      Step(30'000);
      if (i == 6 && !embedded.empty()) {
        Ask(embedded, category);
        Step(15'000);
        Flow(Connect(embedded, category), 60'000);
      }
    }
  }

  // Somebody opens a site and stays.
  void Visit(const std::string& site, const std::string& category,
             double stay_seconds) {
    Ask("www." + site, category);
    Step(20'000);
    const FlowId page = Connect("www." + site, category);
    Connect("www." + site, category);
    Step(300'000);
    Ask("img." + site, category);
    const FlowId pictures = Connect("img." + site, category);
    Connect("static." + site, category);
    uint64_t bytes = 0;
    for (double passed = 0; passed < stay_seconds; passed += 1) {
      bytes += 80'000;
      Flow(page, bytes);
      Flow(pictures, 2 * bytes);
      Wait(1);
    }
  }

  std::vector<v1::Episode> Finish() {
    Wait(90);
    tracker_.Finish(now_us_);
    std::vector<v1::Episode> episodes;
    for (const v1::Event& event : told_.events) {
      episodes.push_back(event.episode());
    }
    return episodes;
  }

  std::vector<v1::Event>& told() { return told_.events; }
  EpisodeTracker& tracker() { return tracker_; }
  void SetProcess(v1::ProcessKind process) { process_ = process; }
  int64_t now_us() const { return now_us_; }

 private:
  void Name(const std::string& name, const std::string& category,
            NameSource source, uint16_t qtype, FlowId flow) {
    Observation seen;
    seen.time_us = now_us_;
    seen.source = source;
    seen.qtype = qtype;
    seen.name = name;
    seen.flow = flow;
    rules::Decision decision;
    if (!category.empty()) {
      decision.action = rules::Action::kBlock;
      decision.categories = {category};
      decision.locked = category == "child-abuse";
      decision.never_log = category == "helpline";
    }
    v1::Person person;
    person.set_pseudonym("P-7F3AQ2");
    tracker_.OnName(seen, decision, process_, person, v1::PLACE_ONSITE);
  }

  Told told_;
  EpisodeTracker tracker_;
  int64_t now_us_ = kStart;
  FlowId flows_ = 0;
  v1::ProcessKind process_ = v1::PROCESS_KIND_UNSPECIFIED;
};

TEST(EpisodeTracker, AVisitIsOpenedAndSaysWhy) {
  Device device;
  device.Visit("bet.test", "gambling", 30);
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].grade(), v1::GRADE_OPENED);
  EXPECT_EQ(episodes[0].service(), "bet.test");
  EXPECT_EQ(episodes[0].front_host(), "www.bet.test");
  EXPECT_EQ(episodes[0].category(), "gambling");
  int sum = 0;
  for (const v1::Evidence& row : episodes[0].evidence()) {
    sum += row.half_points();
  }
  EXPECT_EQ(sum, episodes[0].half_points());
}

TEST(EpisodeTracker, ASeriousVisitIsToldWithinFifteenSeconds) {
  Device device;
  const int64_t begin_us = device.now_us();
  device.Visit("adult.test", "adult", 15);
  ASSERT_EQ(device.told().size(), 1u);
  EXPECT_EQ(device.told()[0].episode().grade(), v1::GRADE_OPENED);
  EXPECT_LT(device.told()[0].time_unix_us() - begin_us, 15'000'000);
}

// Otherwise who watches a film over a fast line seems to have left at once.
TEST(EpisodeTracker, AFastTransferIsRememberedFromItsBeginning) {
  Device device;
  device.Ask("www.films.test", "video");
  device.Step(20'000);
  const FlowId film = device.Connect("www.films.test", "video");
  for (uint64_t i = 1; i <= 2'000; ++i) {
    device.Flow(film, i * 20'000);
    device.Wait(0.01);
  }
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].grade(), v1::GRADE_OPENED);
}

// Otherwise coming back over an open connection looks like a blocked try.
TEST(EpisodeTracker, AKeptConnectionCountsAnew) {
  Device device;
  device.Ask("www.bet.test", "gambling");
  const FlowId page = device.Connect("www.bet.test", "gambling");
  device.Flow(page, 300'000);
  device.Wait(60);
  device.Ask("www.bet.test", "gambling");
  for (uint64_t second = 1; second <= 12; ++second) {
    device.Flow(page, 300'000 + second * 80'000);
    device.Wait(1);
  }
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 2u);
  EXPECT_EQ(episodes[1].grade(), v1::GRADE_OPENED);
}

// A link that leads through the page's own server, against a page that loads
// and asks for what it embeds.
TEST(EpisodeTracker, ARedirectIsNoBusyPage) {
  for (const bool loads : {false, true}) {
    Device device;
    const FlowId page = device.Connect("www.maths.test");
    device.Flow(page, 60'000);
    device.Wait(30);
    device.Flow(page, loads ? 120'000 : 60'900);
    device.Step(200'000);
    device.Ask("www.bet.test", "gambling");
    auto episodes = device.Finish();
    ASSERT_EQ(episodes.size(), 1u);
    EXPECT_EQ(episodes[0].grade() == v1::GRADE_ATTEMPT, !loads);
  }
}

std::shared_ptr<const rules::PageKnowledge> Pages(
    const std::vector<std::string>& embedded,
    const std::vector<std::pair<std::string, std::string>>& pairs) {
  using rules::PageKnowledge;
  std::vector<uint64_t> sites, both;
  for (const std::string& site : embedded) {
    sites.push_back(PageKnowledge::Id(site));
  }
  for (const auto& [page, site] : pairs) {
    both.push_back(PageKnowledge::PairId(PageKnowledge::Id(page),
                                         PageKnowledge::Id(site)));
  }
  v1::PageKnowledge packed;
  packed.set_embedded(rules::PackIds(sites));
  packed.set_pairs(rules::PackIds(both));
  return std::make_shared<const PageKnowledge>(packed);
}

// A small page of a site that nobody embeds, opened right after another page;
// the same of one that pages embed is left unclear.
TEST(EpisodeTracker, ASiteThatNobodyEmbedsNeedsLess) {
  for (const bool embedded : {false, true}) {
    Device device;
    device.tracker().SetPages(
        Pages({embedded ? "bet.test" : "other.test"}, {}));
    device.Ask("www.bet.test", "gambling");
    device.Step(20'000);
    const FlowId page = device.Connect("www.bet.test", "gambling");
    device.Flow(page, 60'000);
    for (int i = 0; i < 5; ++i) device.Ask("cdn" + std::to_string(i) + ".test");
    for (uint64_t second = 1; second < 8; ++second) {
      device.Wait(1);
      device.Flow(page, 60'000 + second * 3'000);
    }
    auto episodes = device.Finish();
    ASSERT_EQ(episodes.size(), 1u);
    EXPECT_EQ(episodes[0].grade() == v1::GRADE_OPENED, !embedded);
  }
}

// A hint of a page opens a connection and no more.
TEST(EpisodeTracker, AHintIsNoVisitWhoeverEmbedsTheSite) {
  Device device;
  device.tracker().SetPages(Pages({"other.test"}, {}));
  device.Ask("www.bet.test", "gambling");
  device.Step(20'000);
  device.Flow(device.Connect("www.bet.test", "gambling"), 5'000);
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_NE(episodes[0].grade(), v1::GRADE_OPENED);
  EXPECT_NE(episodes[0].grade(), v1::GRADE_LANDED);
}

// What a page is known to bring in speaks for the person.
TEST(EpisodeTracker, APageThatBringsItInExplainsIt) {
  for (const bool known : {false, true}) {
    Device device;
    device.tracker().SetPages(
        Pages({}, {{known ? "news.test" : "maths.test", "bet.test"}}));
    device.Ask("www.news.test");
    device.Wait(5);
    device.Ask("www.bet.test", "gambling");
    auto episodes = device.Finish();
    ASSERT_EQ(episodes.size(), 1u);
    EXPECT_EQ(episodes[0].grade() == v1::GRADE_ATTEMPT, !known);
    const auto says = [&](const char* fact) {
      return std::any_of(
          episodes[0].evidence().begin(), episodes[0].evidence().end(),
          [&](const v1::Evidence& row) { return row.fact() == fact; });
    };
    EXPECT_EQ(says("explained"), known);
  }
}

TEST(EpisodeTracker, AnEmbedIsAutomatic) {
  Device device;
  for (int i = 0; i < 50; ++i) {
    device.NewsPage("connect.social.test", "social");
    device.Wait(20 + i % 7);
  }
  for (const v1::Episode& episode : device.Finish()) {
    EXPECT_EQ(episode.grade(), v1::GRADE_AUTOMATIC);
  }
}

TEST(EpisodeTracker, LeavingAtOnceIsALanding) {
  Device device;
  device.Visit("adult.test", "adult", 3);
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].grade(), v1::GRADE_LANDED);
}

// Servers end quiet connections after a while: that is nobody's stay.
TEST(EpisodeTracker, AFarewellIsNoData) {
  Device device;
  device.Ask("www.adult.test", "adult");
  device.Step(20'000);
  const FlowId page = device.Connect("www.adult.test", "adult");
  device.Connect("www.adult.test", "adult");
  device.Flow(page, 500'000);
  device.Wait(15);
  device.Farewell(page, 560'000, 14);
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].grade(), v1::GRADE_LANDED);
}

TEST(EpisodeTracker, ABlockedTryIsAnAttemptWithinFiveSeconds) {
  Device device;
  const int64_t begin_us = device.now_us();
  device.Ask("www.bet.test", "gambling");
  device.Wait(1.1);
  device.Ask("www.bet.test", "gambling");  // the browser's own retry
  device.Wait(5);
  ASSERT_EQ(device.told().size(), 1u);
  EXPECT_EQ(device.told()[0].episode().grade(), v1::GRADE_ATTEMPT);
  EXPECT_LT(device.told()[0].time_unix_us() - begin_us, 6'000'000);
  device.Ask("www.bet.test", "gambling");
  EXPECT_EQ(device.Finish().size(), 1u) << "retries are the same try";
}

TEST(EpisodeTracker, ALookupHintOnAPageIsNoAttempt) {
  Device device;
  for (int i = 0; i < 30; ++i) {
    device.NewsPage("", "");
    device.Ask("www.bet.test", "gambling");
    device.NewsPage("", "");
    device.Wait(25);
  }
  for (const v1::Episode& episode : device.Finish()) {
    EXPECT_EQ(episode.grade(), v1::GRADE_AUTOMATIC);
  }
}

TEST(EpisodeTracker, AKnownProgramIsNeverAVisit) {
  Device device;
  device.SetProcess(v1::PROCESS_KIND_OTHER);
  for (int i = 0; i < 20; ++i) {
    device.Visit("chat.test", "messaging", 8);
    device.Wait(31 + i % 5);
  }
  for (const v1::Episode& episode : device.Finish()) {
    EXPECT_EQ(episode.grade(), v1::GRADE_AUTOMATIC);
  }
}

TEST(EpisodeTracker, HelplinesAndBenignNamesLeaveNothing) {
  Device device;
  device.Visit("childline.test", "helpline", 20);
  device.Visit("maths.test", "", 20);
  device.NewsPage("", "");
  EXPECT_TRUE(device.Finish().empty());
}

TEST(EpisodeTracker, LockedServicesCarryNoNameUnsealed) {
  EpisodeOptions options;
  options.seal = [](std::string_view name) {
    return "sealed:" + std::to_string(name.size());
  };
  Device device(options);
  device.Visit("secret.test", "child-abuse", 20);
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_TRUE(episodes[0].locked());
  EXPECT_EQ(episodes[0].sealed_service(), "sealed:11");
  EXPECT_EQ(episodes[0].SerializeAsString().find("secret"), std::string::npos);
  EXPECT_EQ(device.told()[0].lane(), v1::LANE_URGENT);
}

TEST(EpisodeTracker, EveryContactIsInExactlyOneEpisode) {
  Device device;
  for (int i = 0; i < 10; ++i) {
    device.Ask("www.bet.test", "gambling");
    device.Wait(10);  // within the gap: one episode for all ten
  }
  uint32_t contacts = 0;
  for (const v1::Episode& episode : device.Finish()) {
    contacts += episode.contacts();
  }
  EXPECT_GE(contacts, 1u);
  EXPECT_LE(contacts, 10u);
}

TEST(EpisodeTracker, AClockThatJumpsBackBreaksNothing) {
  Device device;
  device.Visit("bet.test", "gambling", 10);
  device.Step(-3'600'000'000);
  device.Visit("bet.test", "gambling", 10);
  EXPECT_GE(device.Finish().size(), 2u);
}

// What a page brings in would look like a visit after a pause: nothing that was
// before the clock was set back seems to have been there.
TEST(EpisodeTracker, NobodyPausesBecauseTheClockWasSetBack) {
  for (const bool set_back : {false, true}) {
    Device device;
    device.NewsPage("", "");
    if (set_back) device.Step(-3'600'000'000);
    device.Step(100'000);
    device.Ask("www.bet.test", "gambling");
    device.Step(100'000);
    device.NewsPage("", "");
    auto episodes = device.Finish();
    ASSERT_EQ(episodes.size(), 1u);
    EXPECT_EQ(episodes[0].grade(), v1::GRADE_AUTOMATIC) << set_back;
    for (const v1::Evidence& row : episodes[0].evidence()) {
      if (row.fact() != "pause") continue;
      EXPECT_LT(row.half_points(), 0) << set_back;
    }
  }
}

// What was done would be told when the clock is where it was.
TEST(EpisodeTracker, WhatIsOpenIsGradedAndToldWhenTheClockIsSetBack) {
  Device device;
  device.Ask("www.bet.test", "gambling");
  device.Wait(1);
  device.Step(-3'600'000'000);
  device.Wait(1);
  ASSERT_EQ(device.told().size(), 1u);
  EXPECT_EQ(device.told()[0].episode().grade(), v1::GRADE_ATTEMPT);
}

// Another tab goes on loading: its bytes are no visit to what was asked for by
// a page, only because its connection seems to have begun later.
TEST(EpisodeTracker, AnOlderConnectionIsNoVisitAfterTheClockWasSetBack) {
  Device device;
  device.Ask("www.films.test", "video");
  const FlowId film = device.Connect("www.films.test", "video");
  uint64_t bytes = 0;
  for (int i = 0; i < 10; ++i) {
    device.Flow(film, bytes += 500'000);
    device.Wait(1);
  }
  device.Step(-3'600'000'000);
  device.Wait(1);
  device.Ask("www.films.test", "video");
  for (int i = 0; i < 10; ++i) {
    device.Flow(film, bytes += 500'000);
    device.Wait(1);
  }
  auto episodes = device.Finish();
  ASSERT_EQ(episodes.size(), 2u);
  EXPECT_EQ(episodes[0].grade(), v1::GRADE_OPENED);
  EXPECT_EQ(episodes[1].received_bytes(), 0u);
}

TEST(EpisodeTracker, APollThatComesLikeClockworkIsNoAttempt) {
  Device device;
  for (int i = 0; i < 40; ++i) {
    device.Ask("www.launcher.test", "games");
    device.Wait(35);
  }
  auto episodes = device.Finish();
  int attempts = 0;
  for (const v1::Episode& episode : episodes) {
    attempts += episode.grade() == v1::GRADE_ATTEMPT;
  }
  EXPECT_LE(attempts, 5) << "until the rhythm is known";
}

TEST(EpisodeTracker, AnythingAtAllKeepsItsLimits) {
  std::mt19937_64 random(20261124);
  Device device({.by_source = true, .seal = {}});
  const auto below = [&](uint64_t end) { return random() % end; };
  for (int i = 0; i < 30'000; ++i) {
    const std::string host = std::string(below(4), '.') + "h" +
                             std::to_string(below(900)) + ".s" +
                             std::to_string(below(700)) + ".test";
    const char* category = below(3) == 0 ? "adult" : "";
    switch (below(5)) {
      case 0:
        device.Ask(host, category);
        break;
      case 1:
        device.Connect(host, category);
        break;
      case 2:
        device.Flow(below(40'000), random());
        break;
      case 3:
        device.Step(static_cast<int64_t>(below(400'000)));
        break;
      default:
        if (below(500) == 0)
          device.Step(-static_cast<int64_t>(below(1ull << 40)));
    }
  }
  EXPECT_GT(device.tracker().counters().contacts, 1000u);
  for (const v1::Episode& episode : device.Finish()) {
    EXPECT_LE(episode.start_unix_us(), episode.end_unix_us());
    EXPECT_NE(episode.grade(), v1::GRADE_UNSPECIFIED);
  }
}

TEST(EpisodeService, HostsOfOneServiceBelongTogether) {
  EXPECT_EQ(ServiceOf("static.xx.fbcdn.net"), "facebook.com");
  EXPECT_EQ(ServiceOf("img.shop.co.uk"), "shop.co.uk");
  EXPECT_EQ(ServiceOf("www.bet.test"), "bet.test");
  EXPECT_EQ(ServiceOf("localhost"), "localhost");
  EXPECT_EQ(ServiceOf(""), "");
  EXPECT_TRUE(IsFrontDoor("bet.test"));
  EXPECT_TRUE(IsFrontDoor("www.bet.co.uk"));
  EXPECT_FALSE(IsFrontDoor("connect.facebook.net"));
}

}  // namespace
}  // namespace schoolgate::agent
