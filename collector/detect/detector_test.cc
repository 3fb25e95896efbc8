#include "collector/detect/detector.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "collector/detect/school.h"
#include "gtest/gtest.h"

namespace schoolgate::collector {
namespace {

using absl::Minutes;
using absl::Seconds;

std::vector<Finding> Detect(const std::vector<StoredEvent>& events) {
  Detector detector;
  return detector.OnEvents(events, School::Start());
}

// What stands at the end, whatever was told on the way.
std::map<std::string, std::string> Standing(
    const std::vector<std::vector<StoredEvent>>& batches) {
  Detector detector;
  std::map<std::string, std::string> standing;
  for (const auto& batch : batches) {
    for (const Finding& finding :
         detector.OnEvents(batch, School::Start() + absl::Hours(2))) {
      std::string key = finding.key;
      if (finding.withdrawn) {
        standing.erase(key);
        continue;
      }
      standing[key] = absl::StrCat(
          finding.severity, " ", finding.count, " ", finding.opened, " ",
          finding.attempts, " ", absl::ToUnixMicros(finding.first), " ",
          absl::ToUnixMicros(finding.last), " ", finding.landed);
    }
  }
  return standing;
}

TEST(Detector, TwoGamblingAttemptsAreAnAlert) {
  School school;
  school.Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  EXPECT_TRUE(Detect(school.events()).empty());
  school.After(Minutes(4)).Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "repeated_blocked");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_RULE_BREAK);
  EXPECT_EQ(found[0].subject, "P-7F3AQ2");
  EXPECT_TRUE(found[0].subject_is_person);
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_EQ(found[0].services, 2u);
  EXPECT_EQ(found[0].evidence.size(), 2u);
}

TEST(Detector, EmbedsNeverMakeAnAlertHoweverMany) {
  School school;
  for (int i = 0; i < 200; ++i) {
    school.After(Minutes(3))
        .Contact("www.social.test", "social")
        .Episode("social.test", "social", v1::GRADE_AUTOMATIC)
        .Episode("adult.test", "adult", v1::GRADE_AUTOMATIC)
        .Episode("bet.test", "gambling", v1::GRADE_UNCLEAR)
        .Episode("dice.test", "gambling", v1::GRADE_LANDED, Seconds(2));
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

TEST(Detector, OneAdultVisitIsSeriousOneAttemptLessSo) {
  School opened;
  opened.Episode("adult.test", "adult", v1::GRADE_OPENED);
  auto found = Detect(opened.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_SERIOUS);
  School tried;
  tried.Episode("adult.test", "adult", v1::GRADE_ATTEMPT);
  found = Detect(tried.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_RULE_BREAK);
}

TEST(Detector, SocialMediaIsOnlyAPattern) {
  School school;
  for (int i = 0; i < 3; ++i) {
    school.After(Minutes(3)).Episode("social.test", "social", v1::GRADE_OPENED);
  }
  EXPECT_TRUE(Detect(school.events()).empty()) << "all within one hour";
  school.After(Minutes(70)).Episode("social.test", "social", v1::GRADE_OPENED);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
}

TEST(Detector, BrowserRetriesAreOneTry) {
  School school;
  for (double seconds : {0.0, 1.1, 5.0, 9.0, 15.0}) {
    school.At(School::Start() + Seconds(seconds))
        .Contact("www.bet.test", "gambling");
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

TEST(Detector, BlockedContactsAtAPersonsPaceCountWithoutEpisodes) {
  School school;
  for (int i = 0; i < 3; ++i) {
    school.After(Minutes(2)).Contact("www.bet.test", "gambling");
  }
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].count, 3u);
  EXPECT_EQ(found[0].ungraded, 3u);
}

TEST(Detector, BackgroundProgramsAndLockedScreensDoNotCount) {
  School school;
  for (int i = 0; i < 9; ++i) {
    school.After(Minutes(2)).Contact("www.bet.test", "gambling");
    auto* contact = school.events().back().event.mutable_contact();
    if (i % 2 == 0)
      contact->set_process(v1::PROCESS_KIND_OTHER);
    else
      contact->set_session_locked(true);
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

TEST(Detector, GradesOverruleContactsThatCameBefore) {
  School school;
  for (int i = 0; i < 3; ++i) {
    school.After(Minutes(2)).Contact("www.bet.test", "gambling");
  }
  Detector detector;
  EXPECT_EQ(detector.OnEvents(school.events(), School::Start()).size(), 1u);
  School later;
  later.At(School::Start() + Minutes(7))
      .Episode("bet.test", "gambling", v1::GRADE_AUTOMATIC);
  auto found = detector.OnEvents(later.events(), School::Start());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].withdrawn);
}

TEST(Detector, HelplinesLeaveNoTrace) {
  School school;
  for (int i = 0; i < 9; ++i) {
    school.After(Minutes(2)).Contact("www.childline.test", "helpline");
    school.events().back().event.mutable_contact()->add_categories("chat");
    school.Episode("childline.test", "helpline", v1::GRADE_OPENED);
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

TEST(Detector, RestrictedMaterialIsRaisedAtOnceWithoutItsHost) {
  School school;
  school.Contact("secret.test", "child-abuse");
  school.events().back().event.mutable_contact()->set_locked(true);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ILLEGAL);
  EXPECT_EQ(found[0].rule, "restricted_list");
  for (const auto& line : found[0].evidence) {
    EXPECT_EQ(line.DebugString().find("secret"), std::string::npos);
  }
}

TEST(Detector, AWholeClassIsOneRecordAndNobodysAlert) {
  School school;
  for (int i = 0; i < 6; ++i) {
    school.After(Seconds(30))
        .On(absl::StrCat("D-", i))
        .By(absl::StrCat("P-", i))
        .Episode("adult.test", "adult", v1::GRADE_OPENED);
  }
  auto standing = Standing({school.events()});
  ASSERT_EQ(standing.size(), 1u);
  EXPECT_EQ(standing.begin()->first, "oak|class|adult.test");
}

TEST(Detector, TheSamePageOnManyDevicesIsAnEmbed) {
  School school;
  for (int i = 0; i < 4; ++i) {
    school.After(Minutes(20))
        .On(absl::StrCat("D-", i))
        .By(absl::StrCat("P-", i))
        .Episode("adult.test", "adult", v1::GRADE_OPENED);
    school.events().back().event.mutable_episode()->set_page_hash(99);
  }
  EXPECT_TRUE(Standing({school.events()}).empty());
}

TEST(Detector, OrderDelayAndRepetitionChangeNothing) {
  School school;
  school.Episode("vpn.test", "bypass", v1::GRADE_ATTEMPT);
  school.After(Minutes(5)).Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  school.After(Minutes(5)).Episode("bet.test", "gambling", v1::GRADE_OPENED);
  school.After(Minutes(9)).Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
  school.Contact("www.dice.test", "gambling");
  school.By("P-OTHER").After(Minutes(1));
  for (int i = 0; i < 4; ++i) {
    school.After(Minutes(31)).Episode("chat.test", "chat", v1::GRADE_OPENED);
    school.Episode("adult.test", "adult", v1::GRADE_LANDED, Seconds(1));
  }
  auto expected = Standing({school.events()});
  EXPECT_EQ(expected.size(), 2u);
  std::mt19937 random(20261124);
  for (int round = 0; round < 50; ++round) {
    std::vector<StoredEvent> shuffled = school.events();
    shuffled.insert(shuffled.end(), school.events().begin(),
                    school.events().end());
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::vector<std::vector<StoredEvent>> batches;
    for (const StoredEvent& event : shuffled) batches.push_back({event});
    EXPECT_EQ(Standing(batches), expected) << "round " << round;
  }
}

TEST(Detector, SwappingPeopleSwapsFindings) {
  School school;
  school.By("P-A").Episode("adult.test", "adult", v1::GRADE_OPENED);
  school.After(Minutes(1))
      .By("P-B")
      .Episode("bet.test", "gambling", v1::GRADE_OPENED);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].subject, "P-A");
  for (StoredEvent& event : school.events()) {
    auto* person = event.event.mutable_person();
    person->set_pseudonym(person->pseudonym() == "P-A" ? "P-B" : "P-A");
  }
  found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].subject, "P-B");
}

TEST(Detector, SharedDevicesNeverNameAPerson) {
  School school;
  school.By("").Episode("adult.test", "adult", v1::GRADE_OPENED);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].subject, "D-1");
  EXPECT_FALSE(found[0].subject_is_person);
}

// Otherwise a person who speaks up would not be heard.
TEST(Detector, ARequestReachesTheLeadWithThePersonsWords) {
  Detector detector;
  StoredEvent event;
  event.school = "school";
  event.device = "D-1";
  event.event.mutable_person()->set_pseudonym("P-7F3A");
  v1::SelfReport& report = *event.event.mutable_self_report();
  report.set_kind(v1::SelfReport::KIND_SHOULD_OPEN);
  report.set_host("maths.example");
  report.set_words("we need it for homework");
  const auto found = detector.OnEvents({&event, 1}, absl::UnixEpoch());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "person_asks");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].evidence[0].sentence(),
            "asked for maths.example to be opened: \"we need it for "
            "homework\"");
}

TEST(Detector, ASelfReportIsTiedToTheEvent) {
  School school;
  school.Episode("adult.test", "adult", v1::GRADE_OPENED);
  v1::Event report;
  report.mutable_self_report()->set_host("www.adult.test");
  report.mutable_self_report()->set_kind(v1::SelfReport::KIND_ACCIDENT);
  school.After(Minutes(3)).Add(report);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].self_reported);
}

TEST(Detector, BypassJoinsWhatFollows) {
  School school;
  school.Episode("vpn.test", "bypass", v1::GRADE_ATTEMPT);
  school.After(Minutes(5)).Episode("bet.test", "gambling", v1::GRADE_ATTEMPT);
  school.After(Minutes(2)).Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].joined_bypass);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_SERIOUS);
}

TEST(Detector, NewsPageRevisitedDailyDoesNotAddUp) {
  School school;
  for (int i = 0; i < 8; ++i) {
    school.After(Minutes(50))
        .Episode("social.test", "social", v1::GRADE_OPENED);
    school.events().back().event.mutable_episode()->set_page_hash(5);
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

StoredEvent& AsLabel(School& school) {
  StoredEvent& stored = school.events().back();
  v1::Contact& contact = *stored.event.mutable_contact();
  contact.set_source(v1::NAME_SOURCE_FLOW);
  contact.set_process(v1::PROCESS_KIND_OTHER);  // a VPN program is one
  return stored;
}

// A tunnel has no name that an episode could be about.
TEST(Detector, ATunnelKnownByItsBytesIsFoundWhereEpisodesAreSent) {
  School school;
  school.Episode("news.test", "social", v1::GRADE_AUTOMATIC);
  school.After(Minutes(1)).Contact("WireGuard", "bypass", v1::ACTION_RECORD);
  AsLabel(school);
  EXPECT_TRUE(Detect(school.events()).empty()) << "once is not enough";
  school.After(Minutes(6)).Contact("WireGuard", "bypass", v1::ACTION_RECORD);
  AsLabel(school);
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "bypass");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_RULE_BREAK);
  EXPECT_EQ(found[0].count, 2u);
  EXPECT_EQ(found[0].labels, 2u);
  EXPECT_EQ(found[0].evidence[0].sentence(), "Traffic of WireGuard was seen.");
}

TEST(Detector, LabelsOfOtherKindsAndOnLockedScreensAreNothing) {
  School school;
  school.Episode("news.test", "social", v1::GRADE_AUTOMATIC);
  for (int i = 0; i < 9; ++i) {
    school.After(Minutes(6)).Contact("Spotify", "music-download");
    AsLabel(school);
    school.Contact("BitTorrent", "file-sharing");
    AsLabel(school).event.mutable_contact()->set_session_locked(true);
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

// Three days without the network must not change what is found.
TEST(Detector, ThreeDaysOfflineFindTheSame) {
  School school;
  for (int day = 0; day < 3; ++day) {
    school.At(School::Start() + absl::Hours(24 * day))
        .Episode("adult.test", "adult", v1::GRADE_LANDED, Seconds(3))
        .After(Minutes(9))
        .Episode("bet.test", "gambling", v1::GRADE_ATTEMPT)
        .After(Minutes(80))
        .Episode("social.test", "social", v1::GRADE_OPENED);
  }
  std::vector<std::vector<StoredEvent>> live;
  for (const StoredEvent& event : school.events()) live.push_back({event});
  std::vector<StoredEvent> spooled = school.events();
  for (StoredEvent& event : spooled) {
    event.received = School::Start() + absl::Hours(24 * 3);
  }
  const auto standing = Standing(live);
  EXPECT_EQ(standing.size(), 2u);
  EXPECT_EQ(Standing({spooled}), standing);
}

// A laptop from a summer in a drawer: what it saw in six weeks comes in one
// piece, is judged by when it happened, and is marked as late.
TEST(Detector, SixWeeksAwayFindTheSameMarkedLateAndMakeNoStorm) {
  School school;
  for (int day = 0; day < 42; ++day) {
    school.At(School::Start() + absl::Hours(24 * day))
        .Episode("adult.test", "adult", v1::GRADE_LANDED, Seconds(3))
        .After(Minutes(9))
        .Episode("bet.test", "gambling", v1::GRADE_ATTEMPT)
        .After(Minutes(4))
        .Episode("dice.test", "gambling", v1::GRADE_ATTEMPT);
  }
  std::vector<std::vector<StoredEvent>> live;
  for (const StoredEvent& event : school.events()) live.push_back({event});
  const absl::Time back = School::Start() + absl::Hours(24 * 43);
  std::vector<StoredEvent> spooled = school.events();
  for (StoredEvent& event : spooled) event.received = back;

  Detector detector;
  std::map<std::string, Finding> found;
  for (const Finding& finding : detector.OnEvents(spooled, back)) {
    if (finding.withdrawn) {
      found.erase(finding.key);
    } else {
      found[finding.key] = finding;
    }
  }
  EXPECT_EQ(Standing({spooled}), Standing(live));
  EXPECT_GE(found.size(), 1u);
  EXPECT_LE(found.size(), 2u);  // one for each category, not one a day
  for (const auto& [key, finding] : found) {
    EXPECT_TRUE(finding.late) << key;
    EXPECT_LT(finding.last, back - absl::Hours(12)) << key;
  }
}

TEST(Detector, SilenceCountsSchoolTimeOnly) {
  Detector detector;
  Device device;
  device.id = "D-1";
  device.school = "oak";
  absl::Time friday = absl::FromUnixSeconds(1795795200);  // 27 Nov, 16:00
  device.last_contact = friday;
  std::vector<Device> devices = {device};
  EXPECT_TRUE(detector.OnTick(friday + absl::Hours(60), devices).empty());
  auto found = detector.OnTick(friday + absl::Hours(74), devices);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "silent_device");
  EXPECT_TRUE(detector.OnTick(friday + absl::Hours(75), devices).empty());
}

v1::Event Beat(absl::Duration boot, absl::Duration uptime) {
  v1::Event event;
  event.set_boot_id("boot-1");
  event.set_boot_us(absl::ToInt64Microseconds(boot));
  event.mutable_heartbeat()->set_uptime_us(absl::ToInt64Microseconds(uptime));
  event.mutable_heartbeat()->set_capturing(true);
  return event;
}

v1::Event Stopping(absl::Duration boot) {
  v1::Event event;
  event.set_boot_id("boot-1");
  event.set_boot_us(absl::ToInt64Microseconds(boot));
  event.mutable_tamper()->set_kind("service_stopping");
  return event;
}

// Online, a stop must be told at once and not when somebody starts it again;
// but an update, which stops it for a second, must not be told at all.
TEST(Detector, AStopIsToldSoonUnlessTheAgentComesBack) {
  Device device;
  device.id = "D-1";
  device.school = "oak";
  School school;
  school.Add(Beat(Minutes(60), Minutes(59)));
  school.After(Minutes(1)).Add(Stopping(Minutes(61)));
  school.Add(Beat(Minutes(61), Minutes(60)));  // its last word
  device.id = school.events().back().device;
  device.school = school.events().back().school;
  const absl::Time stopped = school.events().back().received;
  device.last_contact = stopped;
  const std::vector<Device> devices = {device};
  Detector stays_away;
  EXPECT_TRUE(stays_away.OnEvents(school.events(), stopped).empty());
  EXPECT_TRUE(stays_away.OnTick(stopped + absl::Seconds(10), devices).empty());
  const auto found = stays_away.OnTick(stopped + absl::Seconds(30), devices);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "agent_stopped");
  EXPECT_TRUE(stays_away.OnTick(stopped + absl::Seconds(60), devices).empty());

  School updated = school;
  updated.Add(Beat(Minutes(61) + absl::Seconds(2), absl::Seconds(1)));
  Detector comes_back;
  EXPECT_TRUE(comes_back.OnEvents(updated.events(), stopped).empty());
  EXPECT_TRUE(comes_back.OnTick(stopped + absl::Seconds(30), devices).empty());
}

// One stop would be told as two, "twice", once while it lasted and once after.
TEST(Detector, AStopThatWasToldAndIsOverIsTheSameStop) {
  School school;
  school.Add(Beat(Minutes(60), Minutes(59)));
  school.After(Minutes(1)).Add(Stopping(Minutes(61)));
  school.Add(Beat(Minutes(61), Minutes(60)));
  const absl::Time stopped = school.events().back().received;
  Device device;
  device.id = school.events().back().device;
  device.school = school.events().back().school;
  device.last_contact = stopped;
  Detector detector;
  detector.OnEvents(school.events(), stopped);
  const auto lasting = detector.OnTick(stopped + Minutes(1), {{device}});
  ASSERT_EQ(lasting.size(), 1u);
  School back;
  back.At(stopped + Minutes(29)).Add(Beat(Minutes(90), Minutes(0)));
  back.events()[0].event.set_sequence(4);
  const auto over = detector.OnEvents(back.events(), stopped + Minutes(29));
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].evidence[0].sentence(),
            "Monitoring was stopped for 29 minutes while the computer stayed "
            "on.");
  EXPECT_EQ(over[0].evidence[0].sequence(), lasting[0].evidence[0].sequence());
  EXPECT_EQ(over[0].evidence[0].time_unix_us(),
            lasting[0].evidence[0].time_unix_us());
}

// The device's own check says that the filter leaks: nobody would look for it.
TEST(Detector, AFailedCheckOfTheFilterIsToldAndAPassedOneIsNot) {
  School school;
  v1::Event passed;
  passed.mutable_self_test()->set_what("blocks adult");
  passed.mutable_self_test()->set_passed(true);
  school.Add(passed);
  EXPECT_TRUE(Detect(school.events()).empty());
  v1::Event failed = passed;
  failed.mutable_self_test()->set_passed(false);
  school.After(Minutes(1)).Add(failed);
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "check_failed");
  EXPECT_EQ(found[0].detail, "blocks adult");
}

TEST(Detector, AnAgentStoppedWhileTheComputerStaysOnIsSeen) {
  School school;
  school.Add(Beat(Minutes(60), Minutes(59)));
  school.After(Minutes(1)).Add(Beat(Minutes(61), Minutes(60)));
  EXPECT_TRUE(Detect(school.events()).empty());
  School sleeps = school;
  sleeps.After(Minutes(30)).Add(Beat(Minutes(91), Minutes(90)));
  EXPECT_TRUE(Detect(sleeps.events()).empty()) << "asleep, not stopped";
  school.After(Minutes(30)).Add(Beat(Minutes(91), Minutes(1)));
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "agent_stopped");
  EXPECT_EQ(found[0].detail, "29 minutes");
}

TEST(Detector, ATunnelShowsInTheCounters) {
  School school;
  for (int minute = 0; minute < 15; ++minute) {
    v1::Event beat = Beat(Minutes(60 + minute), Minutes(minute));
    beat.mutable_heartbeat()->set_names(minute);
    v1::Blindness* blind = beat.mutable_heartbeat()->add_blindness();
    blind->set_cause("doh");
    blind->set_flows(minute * 3);
    school.After(Minutes(1)).Add(beat);
  }
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "tunnel");
  EXPECT_EQ(found[0].detail, "doh");
}

// A matter for technicians would call the lead, or be taken for tampering.
TEST(Detector, NamesThatAProgramMadeUpAreNoTampering) {
  School school;
  for (const char* kind : {"random_names", "name_tunnel", "hosts_file"}) {
    v1::Event event;
    event.mutable_tamper()->set_kind(kind);
    event.mutable_tamper()->set_detail("15 made-up names within 10 minutes");
    school.After(Minutes(1)).Add(event);
  }
  auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].rule, "odd_names");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[1].rule, "odd_names");
  EXPECT_NE(found[0].key, found[1].key);
  EXPECT_EQ(found[2].rule, "tamper");
}

// A device that is kept from newer rules would look as if all were well.
TEST(Detector, StaleRulesAreToldOnceForEachStep) {
  School school;
  for (const char* freshness :
       {"fresh", "late", "late", "stale", "stale", "overdue", "fresh"}) {
    v1::Event beat;
    beat.mutable_heartbeat()->set_capturing(true);
    beat.mutable_heartbeat()->set_rules_freshness(freshness);
    school.After(Minutes(1)).Add(beat);
  }
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_INFORMATION);
  EXPECT_EQ(found[1].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[2].severity, v1::SEVERITY_RULE_BREAK);
  for (const Finding& finding : found) EXPECT_EQ(finding.rule, "stale_rules");
  EXPECT_EQ(found[2].detail, "two weeks");
}

TEST(Detector, RulesThatADeviceRefusedAreToldOnce) {
  School school;
  for (const char* trouble : {"", "rules 12: put back", "rules 12: put back"}) {
    v1::Event beat;
    beat.mutable_heartbeat()->set_capturing(true);
    beat.mutable_heartbeat()->set_rules_trouble(trouble);
    school.After(Minutes(1)).Add(beat);
  }
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "rules_refused");
}

// Baseline of the starter policies, cut down.
SchoolPolicies& PublishedThresholds() {
  static SchoolPolicies policies;
  auto policy = std::make_shared<v1::CompiledPolicy>();
  const std::pair<const char*, v1::Tier> categories[] = {
      {"gambling", v1::TIER_SERIOUS},
      {"adult", v1::TIER_SERIOUS},
      {"self-harm", v1::TIER_SAFEGUARDING},
      {"file-sharing", v1::TIER_ROUTINE},
      {"child-abuse", v1::TIER_ILLEGAL}};
  for (const auto& [id, tier] : categories) {
    auto* category = policy->add_categories();
    category->set_id(id);
    category->set_tier(tier);
  }
  const auto add = [&](const char* about, uint32_t count, uint64_t bytes) {
    auto* threshold = policy->add_thresholds();
    threshold->set_scope(about);
    threshold->set_count(count);
    threshold->set_bytes(bytes);
    threshold->set_window_minutes(15);
  };
  add("serious", 3, 0);
  add("safeguarding", 1, 0);
  add("file-sharing", 0, 500'000'000);
  policies.Set("oak", policy);
  return policies;
}

std::vector<Finding> DetectByPolicy(const std::vector<StoredEvent>& events) {
  Detector detector({.policies = &PublishedThresholds()});
  return detector.OnEvents(events, School::Start());
}

// The school asked for three within 15 minutes: neither two, nor less.
TEST(Detector, ThePublishedThresholdDecides) {
  School school;
  school.Episode("a.test", "gambling", v1::GRADE_ATTEMPT);
  school.After(Minutes(4)).Episode("b.test", "gambling", v1::GRADE_ATTEMPT);
  EXPECT_TRUE(DetectByPolicy(school.events()).empty());
  EXPECT_EQ(Detect(school.events()).size(), 1u);
  school.After(Minutes(4)).Episode("c.test", "gambling", v1::GRADE_ATTEMPT);
  const auto found = DetectByPolicy(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_RULE_BREAK);
  EXPECT_EQ(found[0].threshold, "3 within 15 minutes");
}

TEST(Detector, WhatIsReachedSlowlyIsOneStepMilder) {
  School school;
  for (const char* host : {"a.test", "b.test", "c.test"}) {
    school.After(absl::Hours(1)).Episode(host, "gambling", v1::GRADE_ATTEMPT);
  }
  const auto found = DetectByPolicy(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
}

// No threshold hides what matters most.
TEST(Detector, AThresholdNeverHidesHarmOrIllegalMaterial) {
  School harm;
  harm.Episode("harm.test", "self-harm", v1::GRADE_ATTEMPT);
  ASSERT_EQ(DetectByPolicy(harm.events()).size(), 1u);
  EXPECT_EQ(DetectByPolicy(harm.events())[0].severity, v1::SEVERITY_SERIOUS);
  School opened;
  opened.Episode("adult.test", "adult", v1::GRADE_OPENED);
  EXPECT_EQ(DetectByPolicy(opened.events()).size(), 1u);
  School illegal;
  illegal.Contact("sealed.test", "child-abuse");
  ASSERT_EQ(DetectByPolicy(illegal.events()).size(), 1u);
  EXPECT_EQ(DetectByPolicy(illegal.events())[0].severity, v1::SEVERITY_ILLEGAL);
}

// What was told under the policy before was right then.
TEST(Detector, ANewPolicyWithdrawsNothing) {
  SchoolPolicies policies;
  Detector detector({.policies = &policies});
  School school;
  school.Episode("a.test", "gambling", v1::GRADE_ATTEMPT);
  school.After(Minutes(4)).Episode("b.test", "gambling", v1::GRADE_ATTEMPT);
  ASSERT_EQ(detector.OnEvents(school.events(), School::Start()).size(), 1u);
  policies.Set("oak", PublishedThresholds().Of("oak"));
  School later;
  later.On("D-2").After(Minutes(5));
  later.Episode("chat.test", "chat", v1::GRADE_ATTEMPT);
  for (const Finding& finding :
       detector.OnEvents(later.events(), School::Start())) {
    EXPECT_FALSE(finding.withdrawn);
  }
}

TEST(Detector, ALargeTransferIsToldOnce) {
  School school;
  const auto upload = [&school](uint64_t megabytes) {
    school.After(Minutes(5))
        .Episode("drop.test", "file-sharing", v1::GRADE_OPENED);
    school.events().back().event.mutable_episode()->set_sent_bytes(megabytes *
                                                                   1'000'000);
  };
  upload(300);
  Detector detector({.policies = &PublishedThresholds()});
  const auto bulk = [&] {
    std::vector<Finding> all =
        detector.OnEvents(school.events(), School::Start());
    std::erase_if(all,
                  [](const Finding& f) { return f.rule != "bulk_transfer"; });
    return all;
  };
  EXPECT_TRUE(bulk().empty());
  upload(300);
  const auto found = bulk();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].bytes, 600'000'000u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].threshold, "500 MB within 15 minutes");
  EXPECT_TRUE(bulk().empty());
  upload(10);
  EXPECT_TRUE(bulk().empty());
}

// Whoever fills the line with what is no matter of the policy: the lead learns
// how much, not where to.
TEST(Detector, ALargeTransferToUnreportedHostsIsToldWithoutAHost) {
  School school;
  v1::Event event;
  event.mutable_episode()->set_category("bulk-transfer");
  event.mutable_episode()->set_sent_bytes(400'000'000);
  event.mutable_episode()->set_received_bytes(2'000'000'000);
  school.Add(event);
  Detector detector({.policies = &PublishedThresholds()});
  const auto found = detector.OnEvents(school.events(), School::Start());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "bulk_transfer");
  EXPECT_EQ(found[0].subject, "P-7F3AQ2");
  EXPECT_EQ(found[0].bytes, 2'400'000'000u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].evidence[0].host(), "");
  EXPECT_EQ(found[0].evidence[0].sentence(),
            "Sent 400 MB and received 2000 MB; where to and from was not "
            "recorded.");
}

}  // namespace
}  // namespace schoolgate::collector
