// What would go wrong for a user: a stolen laptop's spool can be read, a
// forged or moved record is believed, or an honest one is refused.
#include "proto/seal/segment.h"

#include <gtest/gtest.h>

#include "proto/seal/record.h"

namespace schoolgate::seal {
namespace {

SegmentHeader Header() {
  SegmentHeader header;
  header.device = "D-4KQ7X2M9";
  header.epoch = 77;
  header.lane = v1::LANE_URGENT;
  header.first_sequence = 5;
  return header;
}

class SegmentTest : public testing::Test {
 protected:
  SegmentSealer Sealer() {
    return *SegmentSealer::Make(Header(), collector_.public_key(), device_);
  }
  absl::StatusOr<SegmentOpener> Open(std::string_view header,
                                     std::string_view device = "D-4KQ7X2M9") {
    const BoxKey* keys[] = {&other_, &collector_};
    return SegmentOpener::Open(header, device, device_.public_key(), keys);
  }

  SigningKey device_ = SigningKey::Generate();
  BoxKey collector_ = BoxKey::Generate();
  BoxKey other_ = BoxKey::Generate();
};

TEST_F(SegmentTest, CollectorReadsWhatTheDeviceSealed) {
  const SegmentSealer sealer = Sealer();
  auto opener = Open(sealer.header());
  ASSERT_TRUE(opener.ok()) << opener.status();
  EXPECT_EQ(opener->header().device, "D-4KQ7X2M9");
  EXPECT_EQ(opener->header().epoch, 77u);
  EXPECT_EQ(opener->header().lane, v1::LANE_URGENT);
  EXPECT_EQ(opener->header().first_sequence, 5u);
  const std::string record = *sealer.Seal(5, "hello");
  EXPECT_EQ(*opener->OpenRecord(5, record), "hello");
  EXPECT_EQ(*opener->OpenRecord(6, *sealer.Seal(6, "")), "");
}

TEST_F(SegmentTest, NeitherHeaderNorRecordHoldsPlaintext) {
  const SegmentSealer sealer = Sealer();
  const std::string secret = "www.example.test was contacted";
  EXPECT_EQ(sealer.Seal(5, secret)->find("example"), std::string::npos);
  EXPECT_NE(*sealer.Seal(5, secret), *sealer.Seal(5, secret));
}

TEST_F(SegmentTest, AnyChangedByteOfTheHeaderIsRefused) {
  const std::string header = Sealer().header();
  for (size_t i = 0; i < header.size(); ++i) {
    std::string changed = header;
    changed[i] ^= 1;
    EXPECT_FALSE(Open(changed).ok()) << i;
  }
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(Open(header.substr(0, size)).ok());
  }
  EXPECT_FALSE(Open(header + "x").ok());
}

TEST_F(SegmentTest, AnyChangedByteOfARecordIsRefused) {
  const SegmentSealer sealer = Sealer();
  auto opener = Open(sealer.header());
  const std::string record = *sealer.Seal(5, "hello");
  for (size_t i = 0; i < record.size(); ++i) {
    std::string changed = record;
    changed[i] ^= 1;
    EXPECT_FALSE(opener->OpenRecord(5, changed).ok()) << i;
    EXPECT_FALSE(opener->OpenRecord(5, record.substr(0, i)).ok()) << i;
  }
}

TEST_F(SegmentTest, ARecordCannotMoveToAnotherPlace) {
  const SegmentSealer sealer = Sealer();
  const SegmentSealer second = Sealer();
  auto opener = Open(sealer.header());
  EXPECT_FALSE(opener->OpenRecord(6, *sealer.Seal(5, "x")).ok());
  EXPECT_FALSE(opener->OpenRecord(4, *sealer.Seal(4, "x")).ok());
  EXPECT_FALSE(opener->OpenRecord(5, *second.Seal(5, "x")).ok());
  // The body of record 5 reframed as record 6.
  Frame frame;
  const std::string record = *sealer.Seal(5, "x");
  ASSERT_EQ(ParseFrame(record, &frame), FrameError::kNone);
  std::string moved;
  AppendFrame(moved, 6, frame.body);
  EXPECT_FALSE(opener->OpenRecord(6, moved).ok());
}

TEST_F(SegmentTest, AnotherDeviceCannotSpeakForThisOne) {
  const SegmentSealer sealer = Sealer();
  EXPECT_TRUE(
      absl::IsPermissionDenied(Open(sealer.header(), "D-AAAAAAAA").status()));
  auto forged = SegmentSealer::Make(Header(), collector_.public_key(),
                                    SigningKey::Generate());
  EXPECT_TRUE(absl::IsPermissionDenied(Open(forged->header()).status()));
}

TEST_F(SegmentTest, ASegmentForAnotherCollectorIsToldApart) {
  auto sealer =
      SegmentSealer::Make(Header(), BoxKey::Generate().public_key(), device_);
  EXPECT_TRUE(absl::IsNotFound(Open(sealer->header()).status()));
}

TEST_F(SegmentTest, BadKeysAndLengthsAreErrorsNotCrashes) {
  EXPECT_FALSE(SegmentSealer::Make(Header(), "short", device_).ok());
  EXPECT_FALSE(
      SegmentSealer::Make(Header(), std::string(32, '\0'), device_).ok());
  SegmentHeader long_name = Header();
  long_name.device = std::string(33, 'D');
  EXPECT_FALSE(
      SegmentSealer::Make(long_name, collector_.public_key(), device_).ok());
  EXPECT_FALSE(Sealer().Seal(5, std::string(kMaxPlaintextBytes + 1, 'x')).ok());
}

TEST(FrameTest, ABadBodyStillTellsWhereTheNextFrameStarts) {
  std::string bytes;
  AppendFrame(bytes, 1, "first");
  const size_t second = bytes.size();
  AppendFrame(bytes, 2, "second");
  bytes[kFrameHeadBytes] ^= 1;
  Frame frame;
  EXPECT_EQ(ParseFrame(bytes, &frame), FrameError::kBadBody);
  EXPECT_EQ(frame.total_bytes, second);
  EXPECT_EQ(ParseFrame(std::string_view(bytes).substr(second), &frame),
            FrameError::kNone);
  EXPECT_EQ(frame.body, "second");
  EXPECT_EQ(ParseFrame(bytes.substr(second, 25), &frame), FrameError::kShort);
  EXPECT_EQ(ParseFrame(bytes.substr(1), &frame), FrameError::kBadHead);
}

}  // namespace
}  // namespace schoolgate::seal
