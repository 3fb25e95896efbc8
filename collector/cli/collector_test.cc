// A whole collector and devices that speak to it over real TLS.
#include "collector/cli/collector.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "collector/cli/open_stores.h"
#include "collector/cli/setup.h"
#include "collector/cli/simulated_device.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/fleet/refusal.h"
#include "collector/fleet/secret_file.h"
#include "collector/fleet/token.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_owners.h"
#include "collector/store/scratch_test.h"
#include "proto/alert.grpc.pb.h"
#include "proto/seal/enrolment.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

// Ten o'clock of the last working day that is over.
absl::Time LessonBefore(absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  absl::CivilDay day = absl::ToCivilDay(now, utc) - 1;
  while (absl::GetWeekday(day) == absl::Weekday::saturday ||
         absl::GetWeekday(day) == absl::Weekday::sunday) {
    --day;
  }
  return absl::FromCivil(absl::CivilHour(day) + 10, utc);
}

v1::Event Contact(uint64_t sequence, absl::Time time) {
  v1::Event event;
  event.set_sequence(sequence);
  event.set_time_unix_us(absl::ToUnixMicros(time));
  event.mutable_person()->set_pseudonym("P-7F3AQ2XY");
  event.mutable_person()->set_group("staff");
  event.mutable_person()->set_confidence(v1::CONFIDENCE_CERTAIN);
  v1::Contact* contact = event.mutable_contact();
  contact->set_host("casino" + std::to_string(sequence % 5) + ".example");
  contact->add_categories("gambling");
  contact->set_action(v1::ACTION_BLOCK);
  contact->set_enforced(true);
  contact->set_count(1);
  contact->set_process(v1::PROCESS_KIND_BROWSER);
  return event;
}

class CollectorTest : public testing::Test {
 protected:
  void SetUp() override {
    SetupRequest request;
    request.directory.path = scratch_.path();
    request.school = "Oak";
    request.listen = "127.0.0.1:0";
    request.web = "127.0.0.1:0";
    const absl::StatusOr<SetupResult> made =
        collector::SetUp(request, clock_.Now());
    ASSERT_TRUE(made.ok()) << made.status();
    home_.authority_pem =
        ReadSmallFile(scratch_.File("authority/ca.crt")).value();
    home_.token = Token(100, absl::Hours(24));
    StartCollector();
  }

  void StartCollector() {
    CollectorOptions options;
    options.directory.path = scratch_.path();
    options.dashboard = false;
    absl::StatusOr<std::unique_ptr<Collector>> started =
        Collector::Start(options, clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    collector_ = *std::move(started);
    home_.collector = collector_->device_address();
  }

  DataDirectory Directory() { return {scratch_.path()}; }

  std::unique_ptr<DeviceStore> Devices() {
    return OpenSqliteDeviceStore(Directory().Main()).value();
  }

  std::string Token(uint32_t uses, absl::Duration lifetime) {
    const TokenText text = MakeToken();
    EnrolToken token;
    token.id = text.id;
    token.secret_hash = HashOfSecret(text.secret);
    token.school = "oak";
    token.group = "staff";
    token.uses_left = uses;
    token.expires = clock_.Now() + lifetime;
    EXPECT_TRUE(Devices()->PutToken(token).ok());
    return Join(text);
  }

  SimulatedIdentity Enrolled(const std::string& hostname = "laptop-1") {
    absl::StatusOr<SimulatedIdentity> identity =
        EnrolSimulated(home_, hostname);
    EXPECT_TRUE(identity.ok()) << identity.status();
    return *std::move(identity);
  }

  std::vector<SealedBatch> Batches(const SimulatedIdentity& identity,
                                   uint64_t first, uint64_t last,
                                   size_t batch_events = 10) {
    std::vector<v1::Event> events;
    for (uint64_t i = first; i <= last; ++i) {
      events.push_back(
          Contact(i, LessonBefore(clock_.Now()) + absl::Minutes(i)));
    }
    return SealBatches(identity, 1, events, batch_events).value();
  }

  std::unique_ptr<SimulatedLink> Link(const SimulatedIdentity& identity,
                                      const std::vector<SealedBatch>& batches,
                                      const std::string& nonce = "",
                                      bool linger = false) {
    SimulatedLink::Options options;
    options.contact_nonce = nonce;
    options.now = clock_.Now();
    options.linger = linger;
    return std::make_unique<SimulatedLink>(
        OpenSimulatedChannel(home_, &identity), batches, options);
  }

  // The word with which a link that should be refused was refused.
  std::string Refusal(SimulatedLink& link) {
    EXPECT_TRUE(link.WaitEnd(kPatience));
    return link.status().error_details();
  }

  size_t StoredEvents() {
    EventQuery query;
    query.limit = 1'000'000;
    return OpenSqliteEventStore(Directory().Events())
        ->get()
        ->Find(query)
        ->size();
  }

  // TLS looks at the real clock; so does this one to begin with.
  platform::ManualClock clock_{platform::SystemClock().Now()};
  Scratch scratch_;
  SimulatedHome home_;
  std::unique_ptr<Collector> collector_;
};

TEST_F(CollectorTest, ADeviceEnrolsReportsAndIsAcknowledged) {
  const SimulatedIdentity identity = Enrolled();
  EXPECT_EQ(identity.enrolled.school(), "oak");
  EXPECT_EQ(identity.enrolled.group(), "staff");
  EXPECT_EQ(identity.enrolled.pseudonym_key().size(), 32u);
  EXPECT_EQ(identity.enrolled.safeguarding_key().size(), 32u);
  const std::vector<SealedBatch> batches = Batches(identity, 1, 100);
  const auto link = Link(identity, batches);
  EXPECT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  EXPECT_TRUE(link->WaitEnd(kPatience));
  EXPECT_TRUE(link->status().ok());
  collector_->Stop();
  EXPECT_EQ(collector_->counters().events, 100u);
  EXPECT_EQ(StoredEvents(), 100u);
}

TEST_F(CollectorTest, WhatIsSentAgainIsStoredOnce) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> first = Batches(identity, 1, 50);
  const auto link = Link(identity, first);
  ASSERT_TRUE(link->WaitAll(kPatience));
  std::string nonce = link->next_nonce();
  // The device lost all it knew of acknowledgements, and sends all again.
  SimulatedLink::Options options;
  options.contact_nonce = nonce;
  options.epoch = 99;  // so that the durable sequence it is told is 0
  options.now = clock_.Now();
  options.linger = true;
  const std::vector<SealedBatch> again = Batches(identity, 1, 80);
  SimulatedLink repeat(OpenSimulatedChannel(home_, &identity), again, options);
  ASSERT_TRUE(repeat.WaitWelcome(kPatience));
  while (collector_->counters().events < 80) {
    ASSERT_FALSE(repeat.WaitEnd(absl::Milliseconds(10)));
  }
  collector_->Stop();
  EXPECT_EQ(StoredEvents(), 80u);
  EXPECT_EQ(collector_->counters().repeats, 50u);
}

TEST_F(CollectorTest, TheRightTokenIsNeededAndItsUsesAreCounted) {
  home_.token = "sg1.00000000.0000000000000000000000000000000000000000";
  EXPECT_EQ(RefusalWord(EnrolSimulated(home_, "a").status()), "token_unknown");
  home_.token = Token(1, absl::Hours(1));
  EXPECT_TRUE(EnrolSimulated(home_, "a").ok());
  EXPECT_EQ(RefusalWord(EnrolSimulated(home_, "b").status()), "token_used_up");
  home_.token = Token(1, absl::Hours(1));
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(RefusalWord(EnrolSimulated(home_, "c").status()), "token_expired");
}

TEST_F(CollectorTest, WithoutACertificateThereIsNoStream) {
  const std::vector<SealedBatch> none;
  SimulatedLink link(OpenSimulatedChannel(home_, nullptr), none, {});
  EXPECT_EQ(Refusal(link), "no_certificate");
}

TEST_F(CollectorTest, ABannedDeviceIsRefusedAndAReleasedOneComesBack) {
  SimulatedIdentity identity = Enrolled();
  const std::string id = identity.enrolled.device();
  ASSERT_TRUE(Devices()->SetState(id, DeviceState::kBanned).ok());
  const std::vector<SealedBatch> batches = Batches(identity, 1, 5);
  EXPECT_EQ(Refusal(*Link(identity, batches)), "banned");
  EXPECT_EQ(RefusalWord(RenewSimulated(home_, clock_.Now(), &identity)),
            "banned");
  ASSERT_TRUE(Devices()->SetState(id, DeviceState::kActive).ok());
  EXPECT_TRUE(Link(identity, batches)->WaitAll(kPatience));
}

// The register would be of no use to the device, which alone sees log-ins.
TEST_F(CollectorTest, ADeviceLearnsWhoseItIsAndSoonOfAChange) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> batches = Batches(identity, 1, 20);
  const auto give = [&](const std::string& alias) {
    const auto store = OpenSqliteAgreementStore(Directory().Main());
    ASSERT_TRUE(store.ok());
    const Device device = *Devices()->Get(identity.enrolled.device());
    ASSERT_TRUE(
        PutOwners(**store, "oak", OwnerKey(device), {alias}, "it", clock_.Now())
            .ok());
    clock_.Advance(absl::Seconds(6));
  };
  give("P-OWNER1");
  SimulatedLink::Options options;
  options.now = clock_.Now();
  options.linger = options.paced = true;
  SimulatedLink link(OpenSimulatedChannel(home_, &identity), batches, options);
  ASSERT_TRUE(link.WaitWelcome(kPatience));
  EXPECT_EQ(link.assigned(), std::vector<std::string>{"P-OWNER1"});
  give("P-OWNER2");
  link.Allow(1);
  ASSERT_TRUE(link.WaitEnd(kPatience)) << "it is asked to call again";
  EXPECT_EQ(link.status().error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto next = Link(identity, batches, link.next_nonce());
  ASSERT_TRUE(next->WaitAll(kPatience)) << "and loses nothing by it";
  EXPECT_EQ(next->assigned(), std::vector<std::string>{"P-OWNER2"});
}

TEST_F(CollectorTest, ACopiedDeviceIsCaughtAtItsSecondContact) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> none;
  const auto first = Link(identity, none, "", true);
  ASSERT_TRUE(first->WaitWelcome(kPatience));
  const std::string shared = first->next_nonce();  // then the disk was copied
  first->HangUp();
  const auto original = Link(identity, none, shared, true);
  ASSERT_TRUE(original->WaitWelcome(kPatience));
  const std::string newer = original->next_nonce();
  original->HangUp();
  const auto copy = Link(identity, none, shared, true);
  ASSERT_TRUE(copy->WaitWelcome(kPatience)) << "may be a lost answer";
  EXPECT_EQ(Refusal(*Link(identity, none, newer)), "quarantined");
  EXPECT_EQ(Devices()->Get(identity.enrolled.device())->state,
            DeviceState::kQuarantined);
  EXPECT_EQ(Refusal(*Link(identity, none, copy->next_nonce())), "quarantined");
}

TEST_F(CollectorTest, ALostAnswerIsNotACopy) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> none;
  std::string nonce;
  for (int i = 0; i < 5; ++i) {
    for (int lost = 0; lost < 3; ++lost) {
      ASSERT_TRUE(Link(identity, none, nonce, true)->WaitWelcome(kPatience));
    }
    const auto heard = Link(identity, none, nonce, true);
    ASSERT_TRUE(heard->WaitWelcome(kPatience));
    nonce = heard->next_nonce();
  }
}

TEST_F(CollectorTest, AnExpiredDeviceRenewsAndAWrongClockIsToldApart) {
  SimulatedIdentity identity = Enrolled();
  clock_.Advance(absl::Hours(24 * 200));
  EXPECT_EQ(RefusalWord(RenewSimulated(home_, absl::UnixEpoch(), &identity)),
            "clock_wrong");
  const std::string before = identity.enrolled.certificate_pem();
  EXPECT_TRUE(RenewSimulated(home_, clock_.Now(), &identity).ok());
  EXPECT_NE(identity.enrolled.certificate_pem(), before);
  SimulatedIdentity thief = identity;
  thief.signing_key = seal::SigningKey::Generate();
  EXPECT_EQ(RefusalWord(RenewSimulated(home_, clock_.Now(), &thief)),
            "bad_signature");
  clock_.Advance(absl::Hours(24 * 600));
  EXPECT_EQ(RefusalWord(RenewSimulated(home_, clock_.Now(), &identity)),
            "unknown_device");
}

TEST_F(CollectorTest, ARecordNobodyCanOpenBlocksNothingAndIsTold) {
  const SimulatedIdentity identity = Enrolled();
  std::vector<SealedBatch> batches = Batches(identity, 1, 30);
  // The frame stays whole; what is sealed in it is another's.
  const std::vector<SealedBatch> strange =
      SealBatches(identity, 2, {Contact(11, clock_.Now())}, 10).value();
  *batches[1].message.mutable_batch()->mutable_records(0) =
      strange[0].message.batch().records(0);
  const auto link = Link(identity, batches);
  EXPECT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  collector_->Stop();
  EXPECT_EQ(collector_->counters().refused, 1u);
  const auto events = OpenSqliteEventStore(Directory().Events()).value();
  const std::vector<StoredEvent> found = events->Find({}).value();
  EXPECT_EQ(found.size(), 30u);
  size_t told = 0;
  for (const StoredEvent& event : found) {
    if (event.event.tamper().kind() == "unreadable_record") {
      ++told;
      EXPECT_EQ(event.event.sequence(), 11u);
    }
  }
  EXPECT_EQ(told, 1u);
  const auto kept = RefusedRecords::Open(Directory().Refused()).value();
  EXPECT_EQ(kept->Count().value(), 1u);
}

TEST_F(CollectorTest, ADeviceCannotSpeakForAnother) {
  const SimulatedIdentity mine = Enrolled("mine");
  const SimulatedIdentity theirs = Enrolled("theirs");
  const std::vector<SealedBatch> batches = Batches(theirs, 1, 3);
  const auto link = Link(mine, batches);
  EXPECT_TRUE(link->WaitAll(kPatience));
  collector_->Stop();
  const auto events = OpenSqliteEventStore(Directory().Events()).value();
  EventQuery query;
  query.device = theirs.enrolled.device();
  EXPECT_TRUE(events->Find(query)->empty());
  EXPECT_EQ(collector_->counters().refused, 3u);
}

TEST_F(CollectorTest, APublishedBundleReachesAConnectedDevice) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> none;
  const auto link = Link(identity, none, "", true);
  ASSERT_TRUE(link->WaitWelcome(kPatience));
  const std::string bytes(200'000, 'b');
  std::ofstream(scratch_.File("bundle")) << bytes;
  BundleShelf shelf(Directory().Bundles());
  ASSERT_TRUE(shelf.Place(scratch_.File("bundle"), 3, "").ok());
  EXPECT_TRUE(shelf.Place(scratch_.File("bundle"), 3, "").ok()) << "again";
  std::ofstream(scratch_.File("other")) << "other rules";
  EXPECT_FALSE(shelf.Place(scratch_.File("other"), 3, "").ok());
  EXPECT_FALSE(shelf.Place(scratch_.File("other"), 2, "").ok());
  clock_.Advance(absl::Minutes(1));
  collector_->Tick();
  ASSERT_TRUE(link->WaitOffer(kPatience));
  EXPECT_EQ(link->offer().version(), 3u);
  // Fetched in two parts, as after a cut link.
  const auto stub = v1::Uplink::NewStub(OpenSimulatedChannel(home_, &identity));
  std::string fetched;
  for (const size_t wanted : {size_t{70'000}, bytes.size()}) {
    grpc::ClientContext context;
    v1::FetchBundleRequest request;
    request.set_hash(link->offer().hash());
    request.set_offset(fetched.size());
    const auto reader = stub->FetchBundle(&context, request);
    v1::BundleChunk chunk;
    while (fetched.size() < wanted && reader->Read(&chunk)) {
      fetched += chunk.data();
    }
    context.TryCancel();
  }
  EXPECT_EQ(fetched, bytes);
}

TEST_F(CollectorTest, MisuseBecomesAnAlertOnTheFeedAndTheFeedResumes) {
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> batches = Batches(identity, 1, 60);
  ASSERT_TRUE(Link(identity, batches)->WaitAll(kPatience));
  const auto authority = Authority::Load(Directory().Authority()).value();
  const Certificate certificate =
      authority->MakeClient("feed/test", clock_.Now(), absl::Hours(1)).value();
  SimulatedIdentity reader;
  reader.key_pem = certificate.key_pem;
  reader.enrolled.set_certificate_pem(certificate.certificate_pem);
  const auto feed =
      v1::AlertFeed::NewStub(OpenSimulatedChannel(home_, &reader));
  v1::Alert alert;
  {
    grpc::ClientContext context;
    const auto stream = feed->Watch(&context, v1::WatchRequest());
    ASSERT_TRUE(stream->Read(&alert));
    EXPECT_EQ(alert.subject(), "P-7F3AQ2XY");
    EXPECT_EQ(alert.category(), "gambling");
    context.TryCancel();
  }
  {
    grpc::ClientContext context;
    v1::WatchRequest other;
    other.set_school("elm");
    const auto stream = feed->Watch(&context, other);
    auto store = OpenSqliteAlertStore(Directory().Main()).value();
    v1::Alert elsewhere;
    elsewhere.set_school("elm");
    ASSERT_TRUE(store->Put(elsewhere).ok());
    ASSERT_TRUE(stream->Read(&alert));
    EXPECT_EQ(alert.school(), "elm");
    context.TryCancel();
  }
  // A device's certificate reads no alerts.
  grpc::ClientContext context;
  const auto refused =
      v1::AlertFeed::NewStub(OpenSimulatedChannel(home_, &identity))
          ->Watch(&context, v1::WatchRequest());
  EXPECT_FALSE(refused->Read(&alert));
  EXPECT_EQ(refused->Finish().error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

// From the published bundle to the words that the lead reads, and its line in
// the audit log.
TEST_F(CollectorTest, AnAlertQuotesThePublishedPolicy) {
  rules::ExampleBundle bundle;
  v1::SanctionRow& row = *bundle.policy.add_sanctions();
  row.set_id("SS2");
  row.set_staff(true);
  row.set_kind("unauthorised_use");
  row.add_categories(2);  // gambling
  row.add_referrals("line_manager");
  rules::WriteExample(scratch_.File("rules"), bundle);
  BundleShelf shelf(Directory().Bundles());
  ASSERT_TRUE(shelf.Place(scratch_.File("rules"), 10, "").ok());
  collector_->Tick();
  const SimulatedIdentity identity = Enrolled();
  const std::vector<SealedBatch> batches = Batches(identity, 1, 60);
  ASSERT_TRUE(Link(identity, batches)->WaitAll(kPatience));
  auto store = OpenSqliteAlertStore(Directory().Main()).value();
  uint64_t seen = 0;
  std::vector<v1::Alert> alerts;
  while (alerts.empty()) {
    seen = store->WaitForChange(seen, kPatience);
    alerts = store->Find({}).value();
    ASSERT_NE(seen, 0u) << "no alert came";
  }
  EXPECT_THAT(alerts[0].next_step(),
              testing::HasSubstr("row SS2 of the staff table of the school's "
                                 "policy says: line manager"));
  bool on_record = false;
  auto audit = OpenAudit(Directory()).value();
  const std::vector<AuditEntry> lines = audit->Read(0, 1000).value();
  for (const AuditEntry& line : lines) {
    on_record |= line.action == "policy_in_force" && line.about == "all";
  }
  EXPECT_TRUE(on_record);
}

// A program that forwards the lead's alerts must not be how the lead learns of
// one about themselves.
TEST_F(CollectorTest, AFeedOfAnAccountHasWhatTheAccountMaySee) {
  Account lead;
  lead.name = "lead";
  lead.role = Role::kSafetyLead;
  lead.school = "elm";
  lead.own_pseudonym = "P-LEAD00";
  ASSERT_TRUE(
      OpenSqliteAccountStore(Directory().Main()).value()->Put(lead).ok());
  const auto authority = Authority::Load(Directory().Authority()).value();
  const Certificate certificate =
      authority->MakeClient("feed/test/elm/lead", clock_.Now(), absl::Hours(1))
          .value();
  SimulatedIdentity reader;
  reader.key_pem = certificate.key_pem;
  reader.enrolled.set_certificate_pem(certificate.certificate_pem);
  const auto feed =
      v1::AlertFeed::NewStub(OpenSimulatedChannel(home_, &reader));
  auto store = OpenSqliteAlertStore(Directory().Main()).value();
  for (const auto& [subject, school] :
       {std::pair("P-LEAD00", "elm"), std::pair("P-PUPIL0", "oak"),
        std::pair("P-PUPIL1", "elm")}) {
    v1::Alert alert;
    alert.set_school(school);
    alert.set_subject(subject);
    alert.set_group("ks2");
    ASSERT_TRUE(store->Put(alert).ok());
  }
  grpc::ClientContext context;
  const auto stream = feed->Watch(&context, v1::WatchRequest());
  v1::Alert first;
  ASSERT_TRUE(stream->Read(&first));
  EXPECT_EQ(first.subject(), "P-PUPIL1");
  context.TryCancel();
}

TEST_F(CollectorTest, ASecondCollectorOnTheSameDataIsRefused) {
  CollectorOptions options;
  options.directory.path = scratch_.path();
  options.dashboard = false;
  const absl::Status status = Collector::Start(options, clock_).status();
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("another collector uses it"));
}

TEST_F(CollectorTest, AClockOf1970AndATakenPortAreSaidPlainly) {
  const std::string taken = home_.collector;
  Scratch other;
  SetupRequest request;
  request.directory.path = other.path();
  request.school = "Elm";
  request.listen = taken;
  ASSERT_TRUE(collector::SetUp(request, clock_.Now()).ok());
  CollectorOptions options;
  options.directory.path = other.path();
  options.dashboard = false;
  EXPECT_THAT(std::string(Collector::Start(options, clock_).status().message()),
              testing::HasSubstr("cannot listen"));
  platform::ManualClock flat(absl::FromUnixSeconds(86400));
  EXPECT_THAT(std::string(Collector::Start(options, flat).status().message()),
              testing::HasSubstr("set the clock"));
}

}  // namespace
}  // namespace schoolgate::collector
