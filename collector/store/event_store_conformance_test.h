// What every event store must do. A test program includes this once and says
// at its end which it means.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "collector/store/event_store.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

using OpenEventStore =
    std::function<absl::StatusOr<std::unique_ptr<EventStore>>(
        const std::string& directory)>;

const absl::Time kMorning = absl::FromUnixSeconds(1'795'424'400);

StoredEvent Contact(const std::string& device, uint64_t sequence,
                    const std::string& person = "P-7F3AQ2",
                    absl::Time time = kMorning) {
  StoredEvent stored;
  stored.school = "oak";
  stored.device = device;
  stored.epoch = 7;
  stored.received = time;
  stored.happened = time;
  stored.event.set_sequence(sequence);
  stored.event.mutable_person()->set_pseudonym(person);
  stored.event.mutable_person()->set_group("staff");
  stored.event.mutable_contact()->set_host("www.example.test");
  stored.event.mutable_contact()->add_categories("gambling");
  stored.event.mutable_contact()->set_action(v1::ACTION_BLOCK);
  stored.event.mutable_contact()->set_count(2);
  return stored;
}

std::vector<StoredEvent> Contacts(const std::string& device, uint64_t first,
                                  uint64_t last) {
  std::vector<StoredEvent> events;
  for (uint64_t i = first; i <= last; ++i) events.push_back(Contact(device, i));
  return events;
}

std::vector<uint64_t> Sequences(const std::vector<StoredEvent>& events) {
  std::vector<uint64_t> sequences;
  for (const StoredEvent& event : events) {
    sequences.push_back(event.event.sequence());
  }
  return sequences;
}

class EventStoreTest : public testing::TestWithParam<OpenEventStore> {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<EventStore>> opened =
        GetParam()(scratch_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  size_t Stored(std::vector<StoredEvent> events) {
    const auto stored = store_->Append(std::move(events));
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored.ok() ? stored->size() : 0;
  }

  uint64_t Durable(const std::string& device = "D-1") {
    return store_->DurableSequence(device, 7).value();
  }

  std::vector<StoredEvent> Everything() {
    EventQuery query;
    query.limit = 1'000'000;
    return store_->Find(query).value();
  }

  Scratch scratch_;
  std::unique_ptr<EventStore> store_;
};

TEST_P(EventStoreTest, AnEventComesBackAsItWasSent) {
  EXPECT_EQ(Stored({Contact("D-1", 1)}), 1u);
  const std::vector<StoredEvent> found = Everything();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].school, "oak");
  EXPECT_EQ(found[0].device, "D-1");
  EXPECT_EQ(found[0].epoch, 7u);
  EXPECT_EQ(found[0].happened, kMorning);
  EXPECT_EQ(found[0].event.SerializeAsString(),
            Contact("D-1", 1).event.SerializeAsString());
}

TEST_P(EventStoreTest, AReplayAfterALostAcknowledgementIsNotStoredTwice) {
  EXPECT_EQ(Stored(Contacts("D-1", 1, 10)), 10u);
  EXPECT_EQ(Stored(Contacts("D-1", 6, 15)), 5u);
  Reopen();
  EXPECT_EQ(Stored(Contacts("D-1", 1, 15)), 0u);
  EXPECT_EQ(Everything().size(), 15u);
  EXPECT_EQ(Durable(), 15u);
}

TEST_P(EventStoreTest, ADuplicateInsideOneAppendCountsOnce) {
  EXPECT_EQ(Stored({Contact("D-1", 1), Contact("D-1", 1)}), 1u);
  EXPECT_EQ(Everything().size(), 1u);
}

TEST_P(EventStoreTest, AHoleIsNeverAcknowledged) {
  EXPECT_EQ(Stored(Contacts("D-1", 1, 3)), 3u);
  EXPECT_EQ(Stored(Contacts("D-1", 6, 9)), 4u);
  EXPECT_EQ(Durable(), 3u);
  Reopen();
  EXPECT_EQ(Durable(), 3u);
  EXPECT_EQ(Stored(Contacts("D-1", 4, 5)), 2u);
  EXPECT_EQ(Durable(), 9u);
}

TEST_P(EventStoreTest, AGapEventMarksNothingAsStored) {
  StoredEvent gap = Contact("D-1", 1);
  gap.event.mutable_gap()->set_first_sequence(2);
  gap.event.mutable_gap()->set_last_sequence(8);
  EXPECT_EQ(Stored({gap}), 1u);
  EXPECT_EQ(Stored(Contacts("D-1", 2, 8)), 7u);
}

TEST_P(EventStoreTest, DevicesAndEpochsDoNotMix) {
  EXPECT_EQ(Stored(Contacts("D-1", 1, 3)), 3u);
  StoredEvent other = Contact("D-1", 1);
  other.epoch = 8;
  EXPECT_EQ(Stored({other, Contact("D-2", 1)}), 2u);
  EXPECT_EQ(Durable("D-1"), 3u);
  EXPECT_EQ(Durable("D-2"), 1u);
  EXPECT_EQ(store_->DurableSequence("D-1", 8).value(), 1u);
}

TEST_P(EventStoreTest, FindIsNewestFirstAndFiltered) {
  const absl::Duration minute = absl::Minutes(1);
  Stored({Contact("D-1", 1, "P-A", kMorning),
          Contact("D-2", 1, "P-B", kMorning + minute),
          Contact("D-1", 2, "P-B", kMorning + 2 * minute),
          // Late: happened long before it came.
          Contact("D-1", 3, "P-A", kMorning - 5 * minute)});
  EventQuery query;
  query.device = "D-1";
  EXPECT_THAT(Sequences(store_->Find(query).value()),
              testing::ElementsAre(2, 1, 3));
  query.subject = "P-A";
  EXPECT_THAT(Sequences(store_->Find(query).value()),
              testing::ElementsAre(1, 3));
  query.from = kMorning;
  EXPECT_THAT(Sequences(store_->Find(query).value()), testing::ElementsAre(1));
  query.to = kMorning;
  EXPECT_TRUE(store_->Find(query).value().empty());
  EventQuery elsewhere;
  elsewhere.school = "elm";
  EXPECT_TRUE(store_->Find(elsewhere).value().empty());
  EventQuery limited;
  limited.limit = 1;
  EXPECT_EQ(store_->Find(limited).value().size(), 1u);
}

// A reader who asks for the newest would miss what a laptop brought home late,
// or be shown something older instead.
TEST_P(EventStoreTest, TheNewestAreFoundWheneverTheyCame) {
  const absl::Duration day = absl::Hours(24);
  for (uint64_t i = 1; i <= 6; ++i) {
    const absl::Time time = kMorning + static_cast<int64_t>(i) * day;
    StoredEvent late = Contact("D-2", i, "P-LATE", time);
    late.happened = time - 40 * day;
    Stored({Contact("D-1", i, "P-A", time), late,
            Contact("D-3", i, "P-LATE", time - absl::Hours(1))});
  }
  EventQuery query;
  query.subject = "P-LATE";
  query.limit = 7;
  const auto found = store_->Find(query).value();
  EXPECT_THAT(Sequences(found), testing::ElementsAre(6, 5, 4, 3, 2, 1, 6));
  query.to = kMorning + 3 * day;
  query.limit = 3;
  const auto earlier = store_->Find(query).value();
  EXPECT_THAT(Sequences(earlier), testing::ElementsAre(3, 2, 1));
  query.limit = 0;
  EXPECT_THAT(store_->Find(query).value(), testing::IsEmpty());
}

TEST_P(EventStoreTest, DetectionReadsOnFromItsCursorInOrderOfArrival) {
  Stored(Contacts("D-1", 1, 5));
  uint64_t cursor = 0;
  EXPECT_THAT(Sequences(store_->ReadAfter(0, 3, &cursor).value()),
              testing::ElementsAre(1, 2, 3));
  Reopen();
  EXPECT_THAT(Sequences(store_->ReadAfter(cursor, 100, &cursor).value()),
              testing::ElementsAre(4, 5));
  const uint64_t end = cursor;
  EXPECT_TRUE(store_->ReadAfter(end, 100, &cursor).value().empty());
  EXPECT_EQ(cursor, end);
  Stored({Contact("D-1", 6, "P-A", kMorning + absl::Hours(24)),
          Contact("D-1", 7, "P-A", kMorning + absl::Hours(24))});
  EXPECT_THAT(Sequences(store_->ReadAfter(end, 100, &cursor).value()),
              testing::ElementsAre(6, 7));
}

TEST_P(EventStoreTest, AClockSetBackHidesNothingFromDetection) {
  Stored({Contact("D-1", 1, "P-A", kMorning)});
  uint64_t cursor = 0;
  ASSERT_EQ(store_->ReadAfter(0, 10, &cursor)->size(), 1u);
  Stored({Contact("D-1", 2, "P-A", absl::FromUnixSeconds(3600))});
  EXPECT_THAT(Sequences(store_->ReadAfter(cursor, 10, &cursor).value()),
              testing::ElementsAre(2));
}

TEST_P(EventStoreTest, HistoryCanBeReadFromADay) {
  const absl::Duration day = absl::Hours(24);
  for (uint64_t i = 1; i <= 4; ++i) {
    const absl::Time time = kMorning + static_cast<int64_t>(i) * day;
    Stored({Contact("D-1", i, "P-A", time)});
  }
  uint64_t next = 0;
  const uint64_t cursor = store_->CursorAt(kMorning + 3 * day).value();
  EXPECT_THAT(Sequences(store_->ReadAfter(cursor, 10, &next).value()),
              testing::ElementsAre(3, 4));
  EXPECT_EQ(store_->CursorAt(absl::InfinitePast()).value(), 0u);
}

TEST_P(EventStoreTest, ExpiredDaysAreGoneAndStillNotAcceptedAgain) {
  const absl::Duration day = absl::Hours(24);
  for (uint64_t i = 1; i <= 5; ++i) {
    const absl::Time time = kMorning + static_cast<int64_t>(i) * day;
    Stored({Contact("D-1", i, "P-A", time)});
  }
  EXPECT_EQ(store_->Expire(kMorning + 5 * day, 2 * day).value(), 2u);
  EXPECT_THAT(Sequences(Everything()), testing::ElementsAre(5, 4, 3));
  Reopen();
  EXPECT_EQ(Stored(Contacts("D-1", 1, 5)), 0u);
  EXPECT_EQ(Durable(), 5u);
}

// One school keeps for a day what another keeps for three; both lie in the
// same file.
TEST_P(EventStoreTest, EachSchoolsRecordsGoInTheirTime) {
  const absl::Duration day = absl::Hours(24);
  StoredEvent elm = Contact("D-2", 1, "P-ELM", kMorning);
  elm.school = "elm";
  StoredEvent beat = Contact("D-1", 2, "", kMorning);
  beat.event.mutable_heartbeat();
  Stored({Contact("D-1", 1, "P-OAK", kMorning), beat, elm});
  Stored({Contact("D-1", 3, "P-OAK", kMorning + 4 * day)});
  EventKeep keep;
  keep.others = {3 * day, 3 * day};
  keep.schools["oak"] = {day, 3 * day};
  const absl::StatusOr<uint64_t> none = store_->Sweep(kMorning + day, keep);
  EXPECT_EQ(none.value(), 0u);
  const absl::StatusOr<uint64_t> swept =
      store_->Sweep(kMorning + 2 * day, keep);
  ASSERT_TRUE(swept.ok()) << swept.status();
  // A store may keep all until the whole day goes (event_store.h).
  if (*swept == 0) GTEST_SKIP() << "does not erase within a day";
  EXPECT_EQ(*swept, 1u);
  std::vector<std::string> left;
  for (const StoredEvent& event : Everything()) {
    left.push_back(event.school + event.event.person().pseudonym());
  }
  EXPECT_THAT(left,
              testing::UnorderedElementsAre("oak", "elmP-ELM", "oakP-OAK"));
  EXPECT_EQ(store_->Sweep(kMorning + 2 * day, keep).value(), 0u);
  Reopen();
  EXPECT_EQ(Stored({Contact("D-1", 1, "P-OAK", kMorning)}), 0u)
      << "an erased event must not come back";
}

TEST_P(EventStoreTest, CountsAddUpByHourGroupCategoryAndAction) {
  const absl::Time hour = absl::FromUnixSeconds(1'795'424'400);
  Stored(Contacts("D-1", 1, 3));
  Stored({Contact("D-2", 1, "P-B", kMorning + absl::Minutes(5)),
          Contact("D-2", 2, "P-B", kMorning + absl::Hours(30))});
  const auto counts =
      store_->Counts("oak", hour, hour + absl::Hours(1)).value();
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].hour, hour);
  EXPECT_EQ(counts[0].group, "staff");
  EXPECT_EQ(counts[0].category, "gambling");
  EXPECT_EQ(counts[0].action, v1::ACTION_BLOCK);
  EXPECT_EQ(counts[0].contacts, 8u);
  EXPECT_EQ(store_->Counts("", hour, absl::InfiniteFuture())->size(), 2u);
  EXPECT_TRUE(store_->Counts("elm", hour, absl::InfiniteFuture())->empty());
}

TEST_P(EventStoreTest, ManyThreadsLoseAndDoubleNothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const std::string device = "D-" + std::to_string(t);
      for (uint64_t i = 0; i < 20; ++i) {
        Stored(Contacts(device, i * 5 + 1, i * 5 + 5));
        Everything();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Everything().size(), 400u);
  for (int t = 0; t < 4; ++t)
    EXPECT_EQ(Durable("D-" + std::to_string(t)), 100u);
}

TEST_P(EventStoreTest, NoSequenceIsZero) {
  EXPECT_EQ(Stored({Contact("D-1", 0)}), 0u);
}

// Every byte of a pseudonym or a name comes back, and can be searched for.
TEST_P(EventStoreTest, EveryByteIsKeptAndFound) {
  std::string bytes;
  for (int i = 1; i < 128; ++i) bytes.push_back(static_cast<char>(i));
  StoredEvent event = Contact("D-1", 1, bytes);
  event.epoch = UINT64_MAX;  // more than a signed number holds
  EXPECT_EQ(Stored({event}), 1u);
  EventQuery query;
  query.subject = bytes;
  const auto found = store_->Find(query).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].epoch, UINT64_MAX);
  EXPECT_EQ(found[0].event.person().pseudonym(), bytes);
  EXPECT_EQ(store_->DurableSequence("D-1", UINT64_MAX).value(), 1u);
}

}  // namespace
}  // namespace schoolgate::collector
