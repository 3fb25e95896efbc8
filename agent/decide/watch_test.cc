#include "agent/decide/watch.h"

#include <gtest/gtest.h>

#include <map>

#include "proto/seal/keys.h"

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
    accounts_.table[53] = {.login = "systemd-resolve", .groups = {}};
    rules_.device_group = "staff";
    rules_.unix_groups = {{"year5", "pupils"}};
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

}  // namespace
}  // namespace schoolgate::agent
