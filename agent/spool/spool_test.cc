// What would go wrong for a user: events are lost, doubled, reordered or
// readable on a stolen disk; the gate stops because of its own spool.
#include <gtest/gtest.h>

#include <set>

#include "agent/spool/model_collector.h"
#include "agent/spool/spool_reader.h"
#include "agent/spool/spool_writer.h"
#include "platform/sim/memory_directory.h"

namespace schoolgate::agent {
namespace {

using platform::DiskOperation;

constexpr char kDevice[] = "D-4KQ7X2M9";
const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

v1::Event Named(const std::string& text, size_t padding = 0) {
  v1::Event event;
  event.mutable_tamper()->set_kind(text);
  event.mutable_tamper()->set_detail(std::string(padding, '.'));
  return event;
}

class SpoolTest : public testing::Test {
 protected:
  std::unique_ptr<SpoolWriter> Start(uint64_t quota = 512 << 20) {
    SpoolOptions options;
    options.device = kDevice;
    options.collector_key = key_.public_key();
    options.boot_id = "boot";
    options.quota_bytes = quota;
    return *SpoolWriter::Start(*root_, options, device_, kNow);
  }

  // Sends all there is and acknowledges it.
  void Drain(SpoolReader& reader) {
    reader.Refresh();
    while (auto batch = reader.Next(BatchLimits{})) {
      uint64_t durable = 0;
      ASSERT_EQ(collector_.Receive(*batch, &durable), "");
      reader.Acknowledge(batch->epoch, durable);
    }
    ASSERT_TRUE(reader.Save().ok());
  }

  std::vector<std::string> Arrived(v1::Lane lane = v1::LANE_UNSPECIFIED) {
    std::vector<std::string> names;
    for (const v1::Event& event : collector_.arrived()) {
      if (lane != v1::LANE_UNSPECIFIED && event.lane() != lane) continue;
      if (event.has_tamper()) names.push_back(event.tamper().kind());
    }
    return names;
  }

  std::vector<v1::Gap> Gaps() {
    std::vector<v1::Gap> gaps;
    for (const v1::Event& event : collector_.arrived()) {
      if (event.has_gap()) gaps.push_back(event.gap());
    }
    return gaps;
  }

  std::vector<std::string> Names() { return root_->List().value(); }

  size_t SegmentFiles() {
    size_t count = 0;
    for (const std::string& name : Names()) {
      count += ParseSegmentName(name).has_value();
    }
    return count;
  }

  // Appends `count` records of 60 kB, 69 of which fill a segment.
  void Fill(SpoolWriter& writer, v1::Lane lane, int count,
            const std::string& name) {
    for (int i = 0; i < count; ++i) {
      (void)writer.Append(Named(name + std::to_string(i), 60'000), lane,
                          absl::Seconds(1));
    }
  }

  platform::MemoryDisk disk_;
  std::unique_ptr<platform::Directory> root_ = disk_.OpenRoot();
  seal::SigningKey device_ = seal::SigningKey::Generate();
  seal::BoxKey key_ = seal::BoxKey::Generate();
  ModelCollector collector_{key_, kDevice, device_.public_key()};
};

TEST_F(SpoolTest, EventsArriveInOrderAndUrgentOnesFirst) {
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  for (int i = 0; i < 3; ++i) {
    const auto text = std::to_string(i);
    ASSERT_TRUE(writer->Append(Named("r" + text), v1::LANE_ROUTINE, {}).ok());
    ASSERT_TRUE(writer->Append(Named("n" + text), v1::LANE_NORMAL, {}).ok());
    ASSERT_TRUE(writer->Append(Named("u" + text), v1::LANE_URGENT, {}).ok());
  }
  Drain(*reader);
  EXPECT_EQ(Arrived(), (std::vector<std::string>{"u0", "u1", "u2", "n0", "n1",
                                                 "n2", "r0", "r1", "r2"}));
  // What is appended to the live segments later is found there.
  ASSERT_TRUE(writer->Append(Named("n3"), v1::LANE_NORMAL, {}).ok());
  Drain(*reader);
  EXPECT_EQ(Arrived().back(), "n3");
  EXPECT_EQ(collector_.repeats(), 0u);
}

TEST_F(SpoolTest, TheSpoolFillsInWhereAndWhen) {
  auto writer = Start();
  auto position =
      writer->Append(Named("a"), v1::LANE_NORMAL, absl::Microseconds(42));
  ASSERT_TRUE(position.ok());
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  ASSERT_EQ(collector_.arrived().size(), 1u);
  const v1::Event& event = collector_.arrived()[0];
  EXPECT_EQ(event.boot_id(), "boot");
  EXPECT_EQ(event.boot_us(), 42);
  EXPECT_EQ(event.lane(), v1::LANE_NORMAL);
  EXPECT_EQ(event.sequence(), position->sequence);
  EXPECT_EQ(position->epoch, EpochOf(writer->run(), v1::LANE_NORMAL));
}

TEST_F(SpoolTest, AcknowledgedSegmentsAreDeletedAndOthersAreNot) {
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  Fill(*writer, v1::LANE_NORMAL, 200, "n");
  EXPECT_EQ(SegmentFiles(), 3u);
  EXPECT_EQ(writer->counters().waiting, 200u);
  reader->Refresh();
  auto batch = reader->Next({.bytes = 1 << 20, .records = 100});
  ASSERT_TRUE(batch);
  ASSERT_TRUE(reader->Save().ok());
  writer->Tick(absl::Seconds(2));
  EXPECT_EQ(SegmentFiles(), 3u) << "sent is not acknowledged";
  reader->Rewind();
  Drain(*reader);
  writer->Tick(absl::Seconds(3));
  EXPECT_EQ(SegmentFiles(), 1u) << "the live one stays";
  EXPECT_EQ(Arrived().size(), 200u);
  EXPECT_EQ(writer->counters().waiting, 0u);
  EXPECT_TRUE(Gaps().empty());
}

TEST_F(SpoolTest, ALostLinkMeansRepeatsNeverLoss) {
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  Fill(*writer, v1::LANE_NORMAL, 150, "n");
  reader->Refresh();
  auto first = reader->Next({.bytes = 1 << 20, .records = 5});
  auto second = reader->Next({.bytes = 1 << 20, .records = 5});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->first_sequence, 6u);
  EXPECT_EQ(collector_.Receive(*first), "");
  EXPECT_EQ(collector_.Receive(*second), "");
  reader->Acknowledge(first->epoch, 3);  // part of the first batch
  reader->Rewind();
  auto again = reader->Next({.bytes = 1 << 20, .records = 5});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->first_sequence, 4u);
  reader->Rewind();
  Drain(*reader);
  EXPECT_EQ(Arrived().size(), 150u);
  EXPECT_EQ(collector_.repeats(), 7u);
}

TEST_F(SpoolTest, AcknowledgementsOfTwoRunsMayComeInAnyOrder) {
  auto reader = SpoolReader::Open(*root_);
  for (int run = 0; run < 2; ++run) {
    auto writer = Start();
    ASSERT_TRUE(writer->Append(Named("n"), v1::LANE_NORMAL, {}).ok());
  }
  reader->Refresh();
  auto old_run = reader->Next(BatchLimits{});
  auto new_run = reader->Next(BatchLimits{});
  ASSERT_TRUE(old_run && new_run);
  EXPECT_LT(old_run->epoch, new_run->epoch);
  reader->Acknowledge(new_run->epoch, 1);
  reader->Acknowledge(new_run->epoch, 1ull << 60);
  reader->Acknowledge(12345, 1);
  EXPECT_FALSE(reader->idle());
  reader->Acknowledge(old_run->epoch, 1);
  EXPECT_TRUE(reader->idle());
  EXPECT_EQ(reader->acknowledged(), 2u);
}

TEST_F(SpoolTest, EachStartIsANewRunAndTheOldOnesArriveToo) {
  std::set<uint64_t> runs;
  for (int i = 0; i < 5; ++i) {
    auto writer = Start();
    EXPECT_TRUE(runs.insert(writer->run()).second);
    ASSERT_TRUE(writer
                    ->Append(Named("n" + std::to_string(i)), v1::LANE_NORMAL,
                             absl::Seconds(1))
                    .ok());
  }
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  EXPECT_EQ(Arrived(),
            (std::vector<std::string>{"n0", "n1", "n2", "n3", "n4"}));
  writer->Tick(absl::Seconds(1));
  EXPECT_EQ(SegmentFiles(), 0u);
}

TEST_F(SpoolTest, ALostStateIsToldAndNeverReusesANumber) {
  uint64_t before = 0;
  {
    auto writer = Start();
    before = writer->run();
    ASSERT_TRUE(writer->Append(Named("a"), v1::LANE_NORMAL, {}).ok());
  }
  ASSERT_TRUE(root_->Remove(kStateName).ok());
  auto writer = Start();
  EXPECT_GT(writer->run(), before);
  writer->Tick(absl::Seconds(1));
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].reason(), "state_lost");
  EXPECT_EQ(Arrived(), std::vector<std::string>{"a"});
}

// Whoever stops the agent and takes away what it had written of them would
// leave no trace.
TEST_F(SpoolTest, WhatSomebodyTookAwayMeanwhileIsToldOf) {
  for (const bool all_of_it : {false, true}) {
    {
      auto writer = Start();
      Fill(*writer, v1::LANE_NORMAL, 100, "n");  // two segments
    }
    std::vector<SegmentId> segments;
    for (const std::string& name : Names()) {
      if (const auto id = ParseSegmentName(name)) segments.push_back(*id);
    }
    std::sort(segments.begin(), segments.end());
    ASSERT_EQ(segments.size(), 2u);
    ASSERT_TRUE(root_->Remove(SegmentName(segments[1])).ok());
    if (all_of_it) {
      ASSERT_TRUE(root_->Remove(SegmentName(segments[0])).ok());
    }
    const size_t gaps = Gaps().size();
    for (int start = 0; start < 2; ++start) {
      auto writer = Start();
      writer->Tick(absl::Seconds(1));
      auto reader = SpoolReader::Open(*root_);
      Drain(*reader);
      writer->Tick(absl::Seconds(2));
    }
    ASSERT_EQ(Gaps().size(), gaps + 1) << "once";
    EXPECT_EQ(Gaps().back().epoch(), segments[1].epoch);
    EXPECT_EQ(Gaps().back().last_sequence(), 100u);
    EXPECT_EQ(Gaps().back().first_sequence(),
              all_of_it ? 1u : segments[1].first_sequence);
  }
}

TEST_F(SpoolTest, WhatWasSentOrGivenUpIsNotMissed) {
  {
    auto writer = Start();
    Fill(*writer, v1::LANE_NORMAL, 100, "n");
    auto reader = SpoolReader::Open(*root_);
    Drain(*reader);
    writer->Tick(absl::Seconds(1));
    Fill(*writer, v1::LANE_NORMAL, 10, "m");
    Drain(*reader);
  }
  { auto writer = Start(); }
  {
    auto writer = Start(40 << 20);
    Fill(*writer, v1::LANE_ROUTINE, 100, "r");
    Fill(*writer, v1::LANE_URGENT, 1000, "u");
  }
  auto writer = Start();
  writer->Tick(absl::Seconds(1));
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  for (const v1::Gap& gap : Gaps()) EXPECT_EQ(gap.reason(), "quota");
}

// A folder that was emptied looks like one that was never used.
TEST_F(SpoolTest, AnEmptiedSpoolIsToldOf) {
  { auto writer = Start(); }
  for (const std::string& name : Names()) ASSERT_TRUE(root_->Remove(name).ok());
  SpoolOptions options;
  options.device = kDevice;
  options.collector_key = key_.public_key();
  options.boot_id = "boot";
  options.was_used = true;
  auto writer = *SpoolWriter::Start(*root_, options, device_, kNow);
  writer->Tick(absl::Seconds(1));
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].reason(), "state_lost");
}

TEST_F(SpoolTest, ASegmentBegunAnewIsReadThoughItsFirstFileIsOpen) {
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  // The header can be written, the record after it cannot.
  int writes = 0;
  disk_.SetFault([&](DiskOperation operation, const std::string& name) {
    return operation == DiskOperation::kWrite && ParseSegmentName(name) &&
                   ++writes % 2 == 0
               ? absl::UnavailableError("injected")
               : absl::OkStatus();
  });
  ASSERT_FALSE(writer->Append(Named("refused"), v1::LANE_NORMAL, {}).ok());
  ASSERT_EQ(SegmentFiles(), 1u);
  Drain(*reader);
  disk_.SetFault(nullptr);
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(writer->Append(Named(name), v1::LANE_NORMAL, {}).ok());
    Drain(*reader);
  }
  EXPECT_EQ(Arrived(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reader->losses().missing, 0u);
}

TEST_F(SpoolTest, OverTheQuotaTheLowestLaneGoesFirstAndIsToldOf) {
  auto writer = Start(40 << 20);
  Fill(*writer, v1::LANE_ROUTINE, 100, "r");
  Fill(*writer, v1::LANE_URGENT, 100, "u");
  Fill(*writer, v1::LANE_NORMAL, 1000, "n");
  writer->Tick(absl::Seconds(5));
  EXPECT_LE(writer->counters().spool_bytes, 40u << 20);
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  EXPECT_EQ(Arrived(v1::LANE_URGENT).size(), 100u) << "urgent is kept";
  EXPECT_EQ(Arrived(v1::LANE_ROUTINE).size(), 0u);
  EXPECT_EQ(Arrived(v1::LANE_NORMAL).back(), "n999") << "the newest is kept";
  std::map<v1::Lane, uint64_t> told;
  for (const v1::Gap& gap : Gaps()) {
    told[gap.lane()] += gap.events();
    EXPECT_EQ(gap.reason(), "quota");
    EXPECT_EQ(gap.last_sequence() - gap.first_sequence() + 1, gap.events());
  }
  EXPECT_EQ(told[v1::LANE_ROUTINE], 100u);
  EXPECT_EQ(told[v1::LANE_NORMAL] + Arrived(v1::LANE_NORMAL).size(), 1000u);
  EXPECT_EQ(told[v1::LANE_URGENT], 0u);
}

// An account of earlier losses must not go with the record that gave it, also
// when another run of the agent has to evict that record.
TEST_F(SpoolTest, WhatAnEvictedGapRecordHadToldIsToldAgain) {
  {
    auto writer = Start(40 << 20);
    Fill(*writer, v1::LANE_ROUTINE, 100, "r");
    Fill(*writer, v1::LANE_NORMAL, 800, "n");
    writer->Tick(absl::Seconds(1));  // tells, in the urgent lane
  }
  auto writer = Start(40 << 20);
  Fill(*writer, v1::LANE_URGENT, 1500, "u");
  for (int second = 2; second < 8; ++second) {
    writer->Tick(absl::Seconds(second));
  }
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  EXPECT_EQ(Arrived(v1::LANE_NORMAL).size(), 0u);
  EXPECT_EQ(Arrived(v1::LANE_ROUTINE).size(), 0u);
  EXPECT_LT(Arrived(v1::LANE_URGENT).size(), 1500u);
  std::map<v1::Lane, std::set<uint64_t>> told;
  for (const v1::Gap& gap : Gaps()) {
    for (uint64_t i = gap.first_sequence(); i <= gap.last_sequence(); ++i) {
      told[gap.lane()].insert(i);
    }
  }
  EXPECT_EQ(told[v1::LANE_NORMAL].size(), 800u);
  EXPECT_EQ(told[v1::LANE_ROUTINE].size(), 100u);
}

TEST_F(SpoolTest, OnAFullDiskAcknowledgingStillFreesSpaceAndUrgentIsKept) {
  auto writer = Start();
  auto reader = SpoolReader::Open(*root_);
  Fill(*writer, v1::LANE_NORMAL, 100, "n");
  writer->Tick(absl::Seconds(1));
  disk_.SetFreeBytes(0);
  disk_.SetFreeInodes(0);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(
        writer->Append(Named("u" + std::to_string(i)), v1::LANE_URGENT, {})
            .ok());
  }
  Drain(*reader);
  writer->Tick(absl::Seconds(2));
  EXPECT_EQ(Arrived(v1::LANE_NORMAL).size(), 100u);
  EXPECT_EQ(Arrived(v1::LANE_URGENT).size(), 10u);
  EXPECT_GE(disk_.free_bytes(), 3u << 20);
}

TEST_F(SpoolTest, WhatNoRoomIsLeftForIsCountedAndToldWhenThereIs) {
  auto writer = Start();
  writer->Tick(absl::Seconds(1));
  ASSERT_TRUE(writer->Append(Named("u"), v1::LANE_URGENT, {}).ok());
  disk_.SetFreeBytes(0);
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(writer->Append(Named("r"), v1::LANE_ROUTINE, {}).ok());
  }
  EXPECT_EQ(writer->counters().refused, 7u);
  disk_.SetFreeBytes(100 << 20);
  writer->Tick(absl::Seconds(2));
  EXPECT_TRUE(writer->Append(Named("r7"), v1::LANE_ROUTINE, {}).ok());
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].events(), 7u);
  EXPECT_EQ(Gaps()[0].lane(), v1::LANE_ROUTINE);
  EXPECT_EQ(Gaps()[0].reason(), "disk_full");
  EXPECT_EQ(Arrived(v1::LANE_ROUTINE), std::vector<std::string>{"r7"});
}

TEST_F(SpoolTest, AFlippedBitCostsOneRecordAndIsToldOf) {
  auto writer = Start();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(writer
                    ->Append(Named("n" + std::to_string(i)), v1::LANE_NORMAL,
                             absl::Seconds(1))
                    .ok());
  }
  std::string segment;
  for (const std::string& name : Names()) {
    if (ParseSegmentName(name)) segment = name;
  }
  ASSERT_TRUE(disk_.FlipBit(segment, 8 * 2000));
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  EXPECT_EQ(Arrived().size(), 49u);
  EXPECT_EQ(reader->losses().missing, 1u);
  writer->Tick(absl::Seconds(2));
  writer->Tick(absl::Seconds(3));
  Drain(*reader);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].reason(), "corrupt_segment");
  EXPECT_EQ(Gaps()[0].events(), 1u);
  EXPECT_EQ(Gaps()[0].lane(), v1::LANE_NORMAL);
}

TEST_F(SpoolTest, AStolenDiskGivesNothing) {
  auto writer = Start();
  const std::string secret = "www.very-secret-host.test";
  ASSERT_TRUE(writer->Append(Named(secret, 100), v1::LANE_NORMAL, {}).ok());
  for (const std::string& name : Names()) {
    auto file = *root_->Open(name, platform::OpenMode::kRead);
    std::string bytes(*file->Size(), '\0');
    ASSERT_TRUE(file->ReadAt(0, bytes).ok());
    EXPECT_EQ(bytes.find("secret"), std::string::npos) << name;
    EXPECT_EQ(bytes.find("....."), std::string::npos) << name;
  }
}

TEST_F(SpoolTest, FilesOfANewerFormatAreLeftAlone) {
  ASSERT_TRUE(root_->Open("2-state", platform::OpenMode::kCreate).ok());
  ASSERT_TRUE(root_->Open("2-n-aa.seg", platform::OpenMode::kCreate).ok());
  auto writer = Start(40 << 20);
  Fill(*writer, v1::LANE_NORMAL, 1000, "n");
  auto reader = SpoolReader::Open(*root_);
  Drain(*reader);
  writer->Tick(absl::Seconds(1));
  EXPECT_TRUE(root_->Open("2-state", platform::OpenMode::kRead).ok());
  EXPECT_TRUE(root_->Open("2-n-aa.seg", platform::OpenMode::kRead).ok());
}

TEST_F(SpoolTest, BadInputIsRefusedAndNothingElseHappens) {
  auto writer = Start();
  EXPECT_TRUE(absl::IsInvalidArgument(
      writer->Append(Named("x"), v1::LANE_UNSPECIFIED, {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      writer->Append(Named("x", 70'000), v1::LANE_NORMAL, {}).status()));
  EXPECT_TRUE(writer->Append(Named("y"), v1::LANE_NORMAL, {}).ok());
  SpoolOptions options;
  options.device = kDevice;
  options.collector_key = "short";
  EXPECT_TRUE(absl::IsInvalidArgument(
      SpoolWriter::Start(*root_, options, device_, kNow).status()));
}

}  // namespace
}  // namespace schoolgate::agent
