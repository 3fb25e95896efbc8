#include "agent/decide/watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "platform/name_question.h"
#include "proto/seal/keys.h"
#include "proto/seal/pseudonym.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {
namespace {

// A machine whose sockets and accounts stand in a table.
class TableAccounts : public platform::Accounts {
 public:
  std::optional<platform::Account> Find(uint32_t uid) override {
    const auto found = table.find(uid);
    if (found == table.end()) return std::nullopt;
    return found->second;
  }
  std::map<uint32_t, platform::Account> table;
};

class EventList : public EventSink {
 public:
  void Emit(v1::Event event) override { events.push_back(std::move(event)); }
  std::vector<v1::Event> events;
};

Endpoint V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d},
          .port = port};
}

Identity TestIdentity() {
  return {.device = "D-TEST",
          .school = "school",
          .group = "pupils",
          .pseudonym_key = std::string(32, 'k'),
          .sealing_key = seal::BoxKey::Generate().public_key(),
          .safeguarding_key = seal::BoxKey::Generate().public_key(),
          .police_key = seal::BoxKey::Generate().public_key()};
}

class AttributionTest : public testing::Test {
 protected:
  AttributionTest() {
    accounts_.table[1001] = {.login = "a.khan", .groups = {"users", "year5"}};
    accounts_.table[1002] = {.login = "class5", .groups = {"year5"}};
    accounts_.table[1003] = {.login = "m.jones", .groups = {"teachers"}};
    accounts_.table[53] = {.login = "systemd-resolve", .groups = {}};
    rules_.device_group = "staff";
    rules_.unix_groups = {{"year5", "pupils"}, {"teachers", "staff"}};
    rules_.shared_logins = {"class5"};
  }

  Who Ask(uint32_t uid) {
    Attribution attribution(rules_, &accounts_, nullptr, nullptr);
    Observation observation;
    observation.uid = uid;
    return attribution.WhoAsked(observation);
  }

  AttributionRules rules_;
  TableAccounts accounts_;
};

TEST_F(AttributionTest, APersonHasTheGroupOfTheirAccount) {
  const Who who = Ask(1001);
  EXPECT_EQ(who.login, "a.khan");
  EXPECT_EQ(who.group, "pupils");
  EXPECT_EQ(who.confidence, v1::CONFIDENCE_CERTAIN);
}

// Otherwise one child would be named for what a whole class did.
TEST_F(AttributionTest, ASharedAccountIsNeverAPerson) {
  const Who who = Ask(1002);
  EXPECT_EQ(who.login, "");
  EXPECT_EQ(who.group, "pupils");
  EXPECT_EQ(who.confidence, v1::CONFIDENCE_SHARED);
}

TEST_F(AttributionTest, AnUnknownUserIsInTheStrictestGroup) {
  EXPECT_EQ(Ask(4711).group, "unknown");
  EXPECT_EQ(Ask(platform::kNoUid).group, "unknown");
  EXPECT_EQ(Ask(4711).confidence, v1::CONFIDENCE_UNKNOWN);
}

// Otherwise a pupil with the teacher's password sees what the teacher may.
TEST_F(AttributionTest, AStaffAccountOnAClassroomComputerGetsItsRules) {
  rules_.device_group = "ks2";
  const Who teacher = Ask(1003);
  EXPECT_EQ(teacher.RulesGroup(), "staff");
  EXPECT_EQ(teacher.RulesLogin(), "m.jones");
  rules_.judged_as_device = {"staff"};
  const Who there = Ask(1003);
  EXPECT_EQ(there.RulesGroup(), "ks2");
  EXPECT_EQ(there.RulesLogin(), "") << "nominations are the person's";
  EXPECT_EQ(there.group, "staff") << "the record says whose account it was";
  EXPECT_EQ(there.login, "m.jones");
  EXPECT_EQ(Ask(1001).RulesGroup(), "pupils");
}

// Who was another's uid or group yesterday would be so for the whole step, and
// accused for it.
TEST_F(AttributionTest, AClockSetBackRemembersNobodyForLonger) {
  Attribution attribution(rules_, &accounts_, nullptr, nullptr);
  Observation asked;
  asked.uid = 1001;
  asked.time_us = 1'795'000'000'000'000;
  ASSERT_EQ(attribution.WhoAsked(asked).login, "a.khan");
  accounts_.table[1001] = {.login = "b.lee", .groups = {"teachers"}};
  asked.time_us -= 10'000;
  EXPECT_EQ(attribution.WhoAsked(asked).login, "a.khan") << "asked seldom";
  asked.time_us -= 3'600'000'000;
  EXPECT_EQ(attribution.WhoAsked(asked).login, "b.lee");
}

// Otherwise somebody uses the network, and is recorded by name, who was never
// told of either (P2, P4: sign before access).
TEST_F(AttributionTest, WhoHasNotAcceptedTheNoticeIsStrictlyJudgedAndNotNamed) {
  rules_.until_notice_accepted = "unknown";
  std::set<uint32_t> owing = {1001, 1002, 53};
  Attribution attribution(rules_, &accounts_, nullptr, nullptr);
  attribution.SetOwesNotice([&](uint32_t uid) { return owing.contains(uid); });
  Observation asked;
  asked.uid = 1001;
  const Who before = attribution.WhoAsked(asked);
  EXPECT_EQ(before.RulesGroup(), "unknown");
  EXPECT_EQ(before.RulesLogin(), "");
  EXPECT_EQ(before.login, "");
  EXPECT_EQ(before.confidence, v1::CONFIDENCE_UNKNOWN);
  asked.uid = 1002;
  EXPECT_EQ(attribution.WhoAsked(asked).RulesGroup(), "unknown");
  asked.uid = 1003;
  EXPECT_EQ(attribution.WhoAsked(asked).login, "m.jones");
  asked.uid = 53;  // the machine's own services have nothing to accept
  EXPECT_EQ(attribution.WhoAsked(asked).RulesGroup(), "staff");
  owing.clear();
  attribution.Forget(1001);
  asked.uid = 1001;
  EXPECT_EQ(attribution.WhoAsked(asked).RulesGroup(), "pupils");
  EXPECT_EQ(attribution.WhoAsked(asked).login, "a.khan");
  rules_.until_notice_accepted.clear();
  EXPECT_EQ(Ask(1001).login, "a.khan") << "where no school asks for it";
}

// A guest's name, or a class's, would travel although the policy says that
// nobody is named.
TEST_F(AttributionTest, WhoIsNamelessByThePolicyIsNeverAPerson) {
  v1::CompiledPolicy policy;
  for (const auto& [id, shared, history] :
       {std::tuple{"pupils", true, true}, std::tuple{"guest", false, false},
        std::tuple{"staff", false, true}}) {
    v1::PolicyGroup* group = policy.add_groups();
    group->set_id(id);
    group->set_shared_accounts(shared);
    group->set_personal_history(history);
  }
  EXPECT_EQ(NamelessGroups(policy), (std::set<std::string>{"guest", "pupils"}));
  rules_.nameless_groups = NamelessGroups(policy);
  const Who pupil = Ask(1001);
  EXPECT_EQ(pupil.confidence, v1::CONFIDENCE_SHARED);
  EXPECT_EQ(pupil.RulesLogin(), "a.khan") << "restrictions still find them";
  EXPECT_EQ(Ask(1003).confidence, v1::CONFIDENCE_CERTAIN);
}

TEST_F(AttributionTest, ASystemAccountIsTheDevice) {
  const Who who = Ask(53);
  EXPECT_EQ(who.group, "staff");
  EXPECT_EQ(who.login, "");
  EXPECT_TRUE(who.resolver);
}

class ContactLogTest : public testing::Test {
 protected:
  Observation Name(std::string_view host, int64_t time_us) {
    Observation observation;
    observation.name = host;
    observation.time_us = time_us;
    observation.src = V4(10, 0, 0, 2, 4000);
    observation.dst = V4(10, 0, 0, 1, 53);
    return observation;
  }

  rules::Decision Block(bool locked = false) {
    rules::Decision decision;
    decision.action = rules::Action::kBlock;
    decision.categories = {"gambling"};
    decision.locked = locked;
    return decision;
  }

  Who pupil_{.uid = 1001,
             .login = "a.khan",
             .group = "pupils",
             .confidence = v1::CONFIDENCE_CERTAIN};
  EventList sink_;
  ContactLog log_{TestIdentity(), sink_};
};

// Otherwise one mistyped link would look like a dozen attempts.
TEST_F(ContactLogTest, QuestionsAndReloadsOfOneVisitAreOneContact) {
  for (int64_t at : {0, 10'000, 1'100'000, 5'000'000, 7'900'000}) {
    log_.Note(Name("bet.example", at), pupil_, Block(),
              v1::PROCESS_KIND_BROWSER, rules::Place::kOnsite, false);
  }
  ASSERT_EQ(sink_.events.size(), 2u);  // who, then the contact
  EXPECT_TRUE(sink_.events[0].has_person_seen());
  EXPECT_EQ(sink_.events[1].contact().host(), "bet.example");
  log_.Note(Name("bet.example", 60'000'000), pupil_, Block(),
            v1::PROCESS_KIND_BROWSER, rules::Place::kOnsite, false);
  ASSERT_EQ(sink_.events.size(), 3u);
  EXPECT_EQ(sink_.events[2].contact().count(), 5u);
}

// Otherwise nobody would learn what a flow without a name was, or a program
// that opens hundreds of them would fill the spool.
TEST_F(ContactLogTest, AFlowHasItsProtocolInPlaceOfAHost) {
  Observation flow = Name("", 0);
  flow.source = NameSource::kFlow;
  flow.protocol = "BitTorrent";
  for (int64_t at : {0, 20'000'000, 290'000'000}) {
    flow.time_us = at;
    log_.Note(flow, pupil_, Block(), v1::PROCESS_KIND_OTHER,
              rules::Place::kOnsite, false);
  }
  ASSERT_EQ(sink_.events.size(), 2u);  // who, then the contact
  EXPECT_EQ(sink_.events[1].contact().host(), "BitTorrent");
  EXPECT_EQ(sink_.events[1].contact().source(), v1::NAME_SOURCE_FLOW);
  flow.protocol = "OpenVPN";
  log_.Note(flow, pupil_, Block(), v1::PROCESS_KIND_OTHER,
            rules::Place::kOnsite, false);
  ASSERT_EQ(sink_.events.size(), 3u);
  EXPECT_EQ(sink_.events[2].contact().host(), "OpenVPN");
}

// Otherwise the collector would know who a child is.
TEST_F(ContactLogTest, TheLogInTravelsOnlySealed) {
  log_.Note(Name("bet.example", 0), pupil_, Block(), v1::PROCESS_KIND_BROWSER,
            rules::Place::kOnsite, false);
  for (const v1::Event& event : sink_.events) {
    EXPECT_EQ(event.SerializeAsString().find("a.khan"), std::string::npos);
    EXPECT_EQ(event.person().pseudonym().substr(0, 2), "P-");
  }
}

// Otherwise illegal material would be named on a screen.
TEST_F(ContactLogTest, ALockedHostIsSealed) {
  log_.Note(Name("terrible.example", 0), pupil_, Block(/*locked=*/true),
            v1::PROCESS_KIND_BROWSER, rules::Place::kOnsite, false);
  const v1::Event& event = sink_.events.back();
  EXPECT_EQ(event.contact().host(), "");
  EXPECT_FALSE(event.contact().sealed_host().empty());
  EXPECT_EQ(event.lane(), v1::LANE_URGENT);
  EXPECT_EQ(event.SerializeAsString().find("terrible"), std::string::npos);
}

// Otherwise the school could not tell which contact an apology is about.
TEST_F(ContactLogTest, AReportIsTiedToTheLastContactWithItsHost) {
  for (int64_t at : {0, 60'000'000}) {
    log_.Note(Name("bet.example", at), pupil_, Block(),
              v1::PROCESS_KIND_BROWSER, rules::Place::kOnsite, true);
    log_.Note(Name("dice.example", at), pupil_, Block(),
              v1::PROCESS_KIND_BROWSER, rules::Place::kOnsite, true);
  }
  const v1::Event contact = sink_.events[3];
  ASSERT_EQ(contact.contact().host(), "bet.example");
  const auto report = [&](const char* host, const Who& who) {
    log_.NoteReport(v1::SelfReport::KIND_ACCIDENT, host, "", who, 61'000'000);
    return sink_.events.back();
  };
  const v1::Event tied = report("bet.example", pupil_);
  EXPECT_EQ(tied.self_report().about_sequence(), contact.sequence());
  EXPECT_EQ(tied.lane(), contact.lane());
  EXPECT_EQ(report("other.example", pupil_).self_report().about_sequence(), 0u);
  Who other = pupil_;
  other.uid = 1002;
  other.login.clear();
  EXPECT_EQ(report("bet.example", other).self_report().about_sequence(), 0u);
}

// Sockets of a machine, by local port, and its addresses.
class TableSockets : public platform::SocketOwners {
 public:
  std::optional<platform::SocketOwner> Find(
      bool, const platform::SocketAddress& local,
      const platform::SocketAddress&) override {
    const auto found = table.find(local.port);
    if (found == table.end() || !IsLocal(local.address)) return std::nullopt;
    return platform::SocketOwner{.uid = found->second, .inode = local.port};
  }
  bool IsLocal(const std::array<uint8_t, 16>& address) override {
    return address[12] == 127 || address == V4(10, 0, 0, 2, 0).address;
  }
  std::map<uint16_t, uint32_t> table;
};

class TablePrograms : public platform::Processes {
 public:
  std::optional<platform::Holder> HolderOf(uint64_t inode, uint32_t) override {
    return platform::Holder{.program = "curl",
                            .contained = contained.contains(inode)};
  }
  std::set<uint64_t> contained;
};

class TableSessions : public platform::Sessions {
 public:
  std::optional<platform::Presence> Of(uint32_t uid) override {
    const auto found = table.find(uid);
    if (found == table.end()) return std::nullopt;
    return found->second;
  }
  bool answers() const override { return true; }
  std::map<uint32_t, platform::Presence> table;
};

constexpr uint32_t kPupil = 1001;
constexpr uint32_t kResolver = 53;
constexpr char kShut[] = "www.paddypower.com";

// A whole middle of an agent, under the starter rules.
class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    accounts_.table[kPupil] = {.login = "a.khan", .groups = {}};
    accounts_.table[kResolver] = {.login = "systemd-resolve", .groups = {}};
    accounts_.table[0] = {.login = "root", .groups = {}};
    attribution_.SetSessions(&sessions_);
  }

  static void SetUpTestSuite() {
    bundle_ = testing::TempDir() + "/watch-test-" + std::to_string(getpid()) +
              ".bundle";
    Build("rules/policies/city-primary.yaml", bundle_);
  }
  static void Build(const std::string& policy, const std::string& bundle) {
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() /
        "schoolgate-rules";
    const std::string command = program + " build " + policy +
                                " --lists rules/lists --quiet -o " + bundle +
                                " >/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static void TearDownTestSuite() { std::filesystem::remove(bundle_); }

  void SetUp() override {
    auto rules = rules::Ruleset::Open(bundle_);
    ASSERT_TRUE(rules.ok()) << rules.status();
    verdicts_.Use(*rules);
  }

  // A question from a port of `from` to the server at `to`.
  void Ask(Endpoint from, Endpoint to, std::string_view name, uint32_t uid,
           NameSource source = NameSource::kDns, uint16_t qtype = 1) {
    now_us_ += 1000;
    Observation observation;
    observation.time_us = now_us_;
    observation.source = source;
    observation.qtype = source == NameSource::kDns ? qtype : 0;
    observation.name = name;
    observation.src = from;
    observation.dst = to;
    observation.uid = uid;
    watch_.OnName(observation);
  }

  std::vector<v1::Event> Contacts() const {
    std::vector<v1::Event> contacts;
    for (const v1::Event& event : sink_.events) {
      if (event.has_contact()) contacts.push_back(event);
    }
    return contacts;
  }

  const Endpoint stub_ = V4(127, 0, 0, 53, 53);
  const Endpoint server_ = V4(192, 0, 2, 1, 53);
  const Endpoint site_ = V4(192, 0, 2, 80, 443);
  static inline std::string bundle_;
  TableAccounts accounts_;
  TableSockets sockets_;
  TablePrograms programs_;
  TableSessions sessions_;
  Attribution attribution_{
      {.device_group = "pupils",
       .people = {{1009, {.login = "j.smith", .group = "staff"}}}},
      &accounts_,
      &sockets_,
      &programs_};
  Verdicts verdicts_{"D-TEST"};
  EventList sink_;
  ContactLog log_{TestIdentity(), sink_};
  Watch watch_{attribution_, verdicts_, &log_};
  int64_t now_us_ = 1'795'000'000'000'000;
};

// Otherwise every blocked name would be told twice: of the pupil and of the
// machine.
TEST_F(WatchTest, AResolversOwnQuestionsAreNotCountedAgain) {
  Ask(V4(127, 0, 0, 1, 4000), stub_, "a.b.bet365.com", kPupil);
  // Another type, a part of the name, another account, no account at all.
  Ask(V4(10, 0, 0, 2, 5000), server_, "a.b.bet365.com", kResolver);
  Ask(V4(10, 0, 0, 2, 5001), server_, "a.b.bet365.com", kResolver,
      NameSource::kDns, 28);
  Ask(V4(10, 0, 0, 2, 5002), server_, "bet365.com", kResolver);
  Ask(V4(10, 0, 0, 2, 5003), server_, "a.b.bet365.com", 0);
  Ask(V4(10, 0, 0, 2, 5004), server_, "a.b.bet365.com", platform::kNoUid);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_CERTAIN);
  EXPECT_EQ(watch_.counters().repeats, 5u);
}

// What somebody did must be told while /proc still knows who; the rest can wait
// until nobody does.
TEST_F(WatchTest, AHeldHitIsRecordedAtOnceAndOtherNamesWithTheNextOnes) {
  const auto hold = [&](std::string_view name) {
    Observation observation;
    observation.time_us = ++now_us_;
    observation.source = NameSource::kTls;
    observation.name = name;
    observation.src = V4(10, 0, 0, 2, 4000);
    observation.dst = site_;
    observation.uid = kPupil;
    (void)watch_.Judge(observation, /*enforced=*/true);
    watch_.Conclude();
  };
  hold("www.childline.org.uk");
  EXPECT_EQ(watch_.counters().never_log, 0u);
  hold(kShut);
  EXPECT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(watch_.counters().never_log, 1u);  // in order
  hold("help.childline.org.uk");
  EXPECT_EQ(watch_.counters().never_log, 1u);
  Ask(V4(10, 0, 0, 2, 4001), server_, "example.org", kPupil);
  EXPECT_EQ(watch_.counters().never_log, 2u);
  hold("shop.childline.org.uk");
  watch_.OnTime(now_us_);
  EXPECT_EQ(watch_.counters().never_log, 3u);
}

TEST_F(WatchTest, NotMoreThanSoManyNamesWaitToBeRecorded) {
  for (size_t i = 1; i <= Watch::kMaxUnsettled; ++i) {
    Observation observation;
    observation.time_us = ++now_us_;
    observation.source = NameSource::kTls;
    const std::string name = std::to_string(i) + ".childline.org.uk";
    observation.name = name;
    observation.dst = site_;
    observation.uid = kPupil;
    (void)watch_.Judge(observation, /*enforced=*/true);
    watch_.Conclude();
    const bool full = i == Watch::kMaxUnsettled;
    EXPECT_EQ(watch_.counters().never_log, full ? i : 0u);
  }
}

// Otherwise a teacher on a pupils' laptop could open nothing that pupils may
// not, or a pupil what a teacher just asked for.
TEST_F(WatchTest, AResolverAsksByTheRulesOfWhoAskedIt) {
  constexpr std::string_view kStaffOnly = "www.mumsnet.com";
  const auto judge = [&](Endpoint from, Endpoint to, uint32_t uid) {
    Observation observation;
    observation.time_us = ++now_us_;
    observation.name = kStaffOnly;
    observation.src = from;
    observation.dst = to;
    observation.uid = uid;
    const rules::Action action = watch_.Judge(observation, true).action;
    watch_.Settle();
    return action;
  };
  const Endpoint here = V4(127, 0, 0, 1, 4000);
  const Endpoint upstream = V4(10, 0, 0, 2, 5000);
  EXPECT_EQ(judge(upstream, server_, kResolver), rules::Action::kBlock);
  EXPECT_EQ(judge(here, stub_, kPupil), rules::Action::kBlock);
  EXPECT_EQ(judge(upstream, server_, kResolver), rules::Action::kBlock);
  EXPECT_NE(judge(here, stub_, 1009), rules::Action::kBlock);
  EXPECT_EQ(judge(here, stub_, kPupil), rules::Action::kBlock);
  EXPECT_NE(judge(upstream, server_, kResolver), rules::Action::kBlock);
}

// Otherwise a second pupil who asks the server by themselves would hide behind
// the first one's question.
TEST_F(WatchTest, APersonsOwnQuestionIsNeverPutDownToTheStub) {
  accounts_.table[1002] = {.login = "b.lee", .groups = {}};
  Ask(V4(127, 0, 0, 1, 4000), stub_, kShut, kPupil);
  Ask(V4(10, 0, 0, 2, 4001), server_, kShut, 1002);
  EXPECT_EQ(Contacts().size(), 2u);
}

// nss-resolve hands questions over without a packet: who asked shows in the
// hello. Otherwise it would be told of the machine and of the pupil.
TEST_F(WatchTest, AResolversQuestionWaitsForThePersonBehindIt) {
  Ask(V4(10, 0, 0, 2, 5000), server_, kShut, kResolver);
  EXPECT_TRUE(Contacts().empty());
  Ask(V4(10, 0, 0, 2, 4000), site_, kShut, kPupil, NameSource::kTls);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_CERTAIN);
}

// A socket that was closed before we could ask whose it was. Otherwise one
// page would be told of the pupil and of nobody.
TEST_F(WatchTest, AQuestionOfNobodyBelongsToThePersonBesideIt) {
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, kPupil);
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, platform::kNoUid, NameSource::kDns,
      28);
  Ask(V4(10, 0, 0, 2, 4001), server_, "bet365.com", platform::kNoUid);
  Ask(V4(10, 0, 0, 2, 4002), site_, "bet365.com", kPupil, NameSource::kTls);
  Ask(V4(10, 0, 0, 2, 4005), site_, kShut, platform::kNoUid, NameSource::kTls);
  // Open to staff, shut for an unknown user: nothing happened.
  Ask(V4(10, 0, 0, 2, 4003), server_, "www.mumsnet.com", platform::kNoUid);
  Ask(V4(10, 0, 0, 2, 4004), site_, "www.mumsnet.com", 1009, NameSource::kTls);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 2u);
  for (const v1::Event& contact : Contacts()) {
    EXPECT_EQ(contact.person().confidence(), v1::CONFIDENCE_CERTAIN);
  }
}

// What comes by two ways comes in no order: one page would be told of nobody
// and of the pupil.
TEST_F(WatchTest, AQuestionWaitsOnWhenALatePacketComesByBeforeItsPerson) {
  Ask(V4(10, 0, 0, 2, 5000), server_, kShut, kResolver);
  now_us_ -= 30'000;
  Ask(V4(10, 0, 0, 2, 4001), server_, "www.bbc.co.uk", kPupil);
  EXPECT_TRUE(Contacts().empty());
  now_us_ += 60'000;
  Ask(V4(10, 0, 0, 2, 4000), site_, kShut, kPupil, NameSource::kTls);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_CERTAIN);
}

// Otherwise what nobody can be named for would not be told at all.
TEST_F(WatchTest, AResolversQuestionWithoutAPersonIsTheMachines) {
  Ask(V4(10, 0, 0, 2, 5000), server_, kShut, kResolver);
  watch_.OnTime(now_us_ + 1'900'000);
  EXPECT_TRUE(Contacts().empty());
  watch_.OnTime(now_us_ + 4'900'000);
  EXPECT_TRUE(Contacts().empty());
  watch_.OnTime(now_us_ + 5'100'000);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_UNKNOWN);
  EXPECT_EQ(Contacts()[0].contact().process(), v1::PROCESS_KIND_UNSPECIFIED);
}

// Otherwise a flood of them would eat memory, or be lost.
TEST_F(WatchTest, OnlySoManyQuestionsWaitAndNoneIsLost) {
  for (int i = 0; i < 300; ++i) {
    Ask(V4(10, 0, 0, 2, 5000), server_, "h" + std::to_string(i) + ".bet365.com",
        kResolver);
  }
  EXPECT_EQ(Contacts().size(), 300u - 256u);
  watch_.Finish(now_us_);
  EXPECT_EQ(Contacts().size(), 300u);
}

// Otherwise a container behind address translation would count twice.
TEST_F(WatchTest, ATranslatedPacketIsTheSamePacket) {
  Ask(V4(172, 17, 0, 2, 4000), server_, kShut, platform::kNoUid);
  Ask(V4(10, 0, 0, 2, 61000), server_, kShut, platform::kNoUid);
  watch_.Finish(now_us_);
  EXPECT_EQ(Contacts().size(), 1u);
}

// Otherwise a pupil would be named for what a container asked, because their
// program happens to wait on the port that address translation gave to it.
TEST_F(WatchTest, ATranslatedPacketOnAPersonsPortIsNotThatPersons) {
  sockets_.table[4000] = kPupil;
  sockets_.table[4001] = kPupil;
  Ask(V4(172, 17, 0, 2, 4000), server_, kShut, platform::kNoUid);
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, platform::kNoUid);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_UNKNOWN);
  EXPECT_EQ(watch_.counters().repeats, 1u);
  // From another port, or for another name, it is the pupil who asks.
  Ask(V4(10, 0, 0, 2, 4001), server_, kShut, platform::kNoUid);
  Ask(V4(10, 0, 0, 2, 4000), server_, "bet365.com", platform::kNoUid);
  watch_.Finish(now_us_);
  ASSERT_EQ(Contacts().size(), 3u);
  EXPECT_EQ(Contacts()[1].person().confidence(), v1::CONFIDENCE_CERTAIN);
  EXPECT_EQ(Contacts()[2].person().confidence(), v1::CONFIDENCE_CERTAIN);
}

// Otherwise who is named would depend on which packet was read first.
TEST_F(WatchTest, TheGateAndTheLogSeeOnePacket) {
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, kPupil);
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, platform::kNoUid);
  EXPECT_EQ(Contacts().size(), 1u);
}

// Otherwise another device's questions would be told as this one's.
TEST_F(WatchTest, ANeighboursQuestionIsNotOurs) {
  Ask(V4(10, 0, 0, 9, 5353), V4(224, 0, 0, 251, 5353), kShut, platform::kNoUid,
      NameSource::kMdns);
  Ask(V4(10, 0, 0, 9, 4000), V4(10, 0, 0, 2, 53), kShut, platform::kNoUid);
  watch_.Finish(now_us_);
  EXPECT_TRUE(Contacts().empty());
  EXPECT_EQ(watch_.counters().neighbours, 2u);
}

// Otherwise the pupil whose uid a container happens to use would be named.
TEST_F(WatchTest, AContainersUidIsNobodyHere) {
  sockets_.table[4000] = kPupil;
  programs_.contained.insert(4000);
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, platform::kNoUid);
  ASSERT_EQ(Contacts().size(), 1u);
  EXPECT_EQ(Contacts()[0].person().confidence(), v1::CONFIDENCE_UNKNOWN);
  EXPECT_EQ(Contacts()[0].person().pseudonym(), "");
}

// Otherwise what a machine does behind a locked screen looks meant.
TEST_F(WatchTest, ALockedScreenIsToldAlong) {
  sessions_.table[kPupil] = {.active = true, .locked = true};
  Ask(V4(10, 0, 0, 2, 4000), server_, kShut, kPupil);
  sessions_.table[kPupil].locked = false;
  Ask(V4(10, 0, 0, 2, 4001), server_, "bet365.com", kPupil);
  ASSERT_EQ(Contacts().size(), 2u);
  EXPECT_TRUE(Contacts()[0].contact().session_locked());
  EXPECT_FALSE(Contacts()[1].contact().session_locked());
}

// The names of a resolver that nobody shows for.
TEST_F(WatchTest, ContactsWaitForTheirPersonUpToTheLimitAndThenAreCounted) {
  const auto ask = [&](size_t number) {
    const std::string name = "n" + std::to_string(number) + ".bet365.com";
    Ask(V4(10, 0, 0, 2, 5000), server_, name, kResolver);
  };
  for (size_t i = 0; i < Watch::kMaxHeld; ++i) ask(i);
  EXPECT_EQ(watch_.counters().unwaited, 0u);
  EXPECT_TRUE(Contacts().empty());
  ask(Watch::kMaxHeld);
  EXPECT_EQ(watch_.counters().unwaited, 1u);
  EXPECT_EQ(Contacts().size(), 1u);
}

TEST_F(WatchTest, NamesAreRememberedUpToTheLimitAndThenCounted) {
  const auto ask = [&](size_t number) {
    now_us_ -= 1000;  // all at once
    const std::string name = "n" + std::to_string(number) + ".example";
    Ask(V4(10, 0, 0, 2, 5000), server_, name, kPupil);
  };
  const size_t most = 2 * Watch::kMaxRecent;  // two generations
  for (size_t i = 0; i < most; ++i) ask(i);
  EXPECT_EQ(watch_.counters().forgotten, 0u);
  ask(most);
  // Of packets, and of who asked.
  EXPECT_EQ(watch_.counters().forgotten, 2 * Watch::kMaxRecent);
}

TEST_F(WatchTest, ParentsOfAStubsNameAreKeptUpToTheLimitAndThenCounted) {
  Ask(V4(127, 0, 0, 1, 4000), stub_, "a.b.c.d.e.example", kPupil);
  EXPECT_EQ(watch_.counters().unkept_parents, 0u);
  Ask(V4(127, 0, 0, 1, 4000), stub_, "z.a.b.c.d.e.example", kPupil);
  EXPECT_EQ(watch_.counters().unkept_parents, 1u);
}

TEST_F(WatchTest, SelfTestsAreRememberedUpToTheLimitAndThenCounted) {
  const auto ask = [&] {
    const std::string name = platform::FreshTestName("");
    Ask(V4(10, 0, 0, 2, 5000), server_, name, kPupil);
    return name;
  };
  const std::string first = ask();
  for (size_t i = 1; i < Watch::kMaxTests; ++i) ask();
  EXPECT_TRUE(watch_.SawTest(first));
  EXPECT_EQ(watch_.counters().forgotten_tests, 0u);
  ask();
  EXPECT_FALSE(watch_.SawTest(first));
  EXPECT_EQ(watch_.counters().forgotten_tests, 1u);
}

// A laptop that the school gave to somebody; j.smith (1009) is a colleague.
class OwnDeviceTest : public WatchTest {
 protected:
  void GiveTo(const std::string& login) {
    log_.SetAssigned({seal::Pseudonym(std::string(32, 'k'), login)});
  }

  // A name that no policy asks about.
  size_t AskedBenign(uint32_t uid) {
    Ask(V4(10, 0, 0, 2, 5000), server_, "www.bbc.co.uk", uid);
    return sink_.events.size();
  }
};

// The school's rule would be known to nobody who breaks it.
TEST_F(OwnDeviceTest, AnothersLogInIsToldOnceASittingAndOnlySealed) {
  GiveTo("m.jones");
  ASSERT_EQ(AskedBenign(1009), 1u);
  const v1::Event told = sink_.events[0];
  EXPECT_TRUE(told.has_person_seen());
  EXPECT_EQ(told.person().group(), "staff");
  EXPECT_EQ(told.SerializeAsString().find("j.smith"), std::string::npos);
  EXPECT_EQ(told.SerializeAsString().find("bbc"), std::string::npos);
  ASSERT_EQ(log_.own_record().Of(1009).size(), 1u) << "they can read of it";
  now_us_ += 3'600'000'000;
  EXPECT_EQ(AskedBenign(1009), 1u);
  now_us_ += 20 * int64_t{3'600'000'000};
  EXPECT_EQ(AskedBenign(1009), 2u) << "another day";
}

// When and how long somebody uses their own laptop is no business of ours.
TEST_F(OwnDeviceTest, NothingLeavesAboutTheOwnerOrWhereNobodyOwnsIt) {
  EXPECT_EQ(AskedBenign(1009), 0u);
  GiveTo("J.Smith");
  EXPECT_EQ(AskedBenign(1009), 0u);
}

// They would not be looked at again before the clock is where it was.
TEST_F(OwnDeviceTest, AClockSetBackHidesNobody) {
  GiveTo("m.jones");
  sessions_.table[1009] = {.active = true, .locked = true, .idle = false};
  EXPECT_EQ(AskedBenign(1009), 0u);
  now_us_ -= 3'600'000'000;
  sessions_.table[1009] = {.active = true, .locked = false, .idle = false};
  EXPECT_EQ(AskedBenign(1009), 1u);
  now_us_ -= 3'600'000'000;
  EXPECT_EQ(AskedBenign(1009), 1u) << "once a sitting";
}

// A session that somebody left open would accuse them every evening.
TEST_F(OwnDeviceTest, WhoDoesNotSitThereIsNotTold) {
  GiveTo("m.jones");
  sessions_.table[1009] = {.active = false, .locked = false, .idle = false};
  EXPECT_EQ(AskedBenign(1009), 0u);
  now_us_ += 61'000'000;
  sessions_.table[1009] = {.active = true, .locked = true, .idle = false};
  EXPECT_EQ(AskedBenign(1009), 0u);
  now_us_ += 61'000'000;
  sessions_.table[1009] = {.active = true, .locked = false, .idle = false};
  EXPECT_EQ(AskedBenign(1009), 1u);
}

// A guest's hour under the starter rules, and a school's own guest accounts.
class GuestTest : public WatchTest {
 protected:
  const rules::Decision& Answer(std::string_view host) {
    return verdicts_.For(host, guest_, now_us_);
  }

  void SetRunning(absl::Duration since_boot) {
    verdicts_.SetBoot("boot", absl::ToInt64Microseconds(since_boot));
  }

  const Who guest_{.uid = 1010, .login = "visitor1", .group = "guest"};
};

// Help would end with the visit, and a clock set back would prolong it.
TEST_F(GuestTest, AVisitEndsByRunningTimeAndHelpStaysOpen) {
  VisitBook visits;
  visits.SetPolicy(verdicts_.rules()->policy());
  verdicts_.SetVisits(&visits);
  SetRunning(absl::Minutes(1));
  EXPECT_EQ(Answer("www.bbc.co.uk").action, rules::Action::kAllow);
  now_us_ -= absl::ToInt64Microseconds(absl::Hours(100));
  SetRunning(absl::Minutes(1) + absl::Hours(10));
  EXPECT_EQ(Answer("www.bbc.co.uk").rule, "session");
  EXPECT_EQ(Answer("www.bbc.co.uk").action, rules::Action::kBlock);
  EXPECT_EQ(Answer("www.childline.org.uk").action, rules::Action::kAllow);
  EXPECT_NE(Answer(kShut).rule, "session") << "what is shut stays misuse";
  EXPECT_EQ(verdicts_.ForCategory("bypass", guest_, now_us_).action,
            rules::Action::kBlock);
}

// A guest account would open again with the clock of last week; and whoever
// says what time it is could open what has its hours.
TEST_F(GuestTest, ALaterTimeThatIsSureEndsGuestsAndNothingElse) {
  namespace fs = std::filesystem;
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time wall = absl::FromUnixMicros(now_us_);
  const fs::path folder = bundle_ + ".rules";
  fs::create_directories(folder);
  fs::copy("rules/policies", folder / "policies");
  std::ofstream(folder / "policies/city-primary.yaml", std::ios::app)
      << "\nguests:\n  - {user: visitor1, until: "
      << absl::FormatTime("%Y-%m-%d", wall + absl::Hours(24), utc)
      << ", reason: supply, asked_by: office, approver: head}\n";
  Build(folder / "policies/city-primary.yaml", folder / "guests.bundle");
  verdicts_.Use(*rules::Ruleset::Open(folder / "guests.bundle"));
  fs::remove_all(folder);
  const Who teacher{.uid = 1009, .login = "j.smith", .group = "staff"};
  SetRunning(absl::Hours(1));
  EXPECT_EQ(Answer("www.bbc.co.uk").action, rules::Action::kAllow);
  const auto until = verdicts_.For("www.youtube.com", teacher, now_us_).until;
  ASSERT_TRUE(until) << "video has its hours";
  verdicts_.SetTimeFloor(wall + absl::Hours(1),
                         absl::ToInt64Microseconds(absl::Hours(1)));
  EXPECT_EQ(Answer("www.bbc.co.uk").action, rules::Action::kAllow);
  SetRunning(absl::Hours(1 + 48));
  verdicts_.SetPlace(rules::Place::kOffsite);  // forgets answers
  verdicts_.SetPlace(rules::Place::kOnsite);
  EXPECT_EQ(Answer("www.bbc.co.uk").rule, "guest-ended");
  EXPECT_EQ(verdicts_.For("www.youtube.com", teacher, now_us_).until, until);
}

}  // namespace
}  // namespace schoolgate::agent
