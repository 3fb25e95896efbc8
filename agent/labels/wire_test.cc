// A record that the other side made up would be believed: a label that breaks
// a line of JSON or a terminal, a length beyond its field.
#include "agent/labels/wire.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "agent/labels/protocol_meaning.h"

namespace schoolgate::agent {
namespace {

LabelRecord Label(std::string_view text) {
  LabelRecord record;
  record.kind = AnswerKind::kLabel;
  record.length = static_cast<uint8_t>(text.size());
  std::memcpy(record.label, text.data(), text.size());
  return record;
}

std::optional<LabelRecord> Read(const LabelRecord& record) {
  return ReadLabelRecord(std::as_bytes(std::span(&record, 1)));
}

std::optional<TapRecord> Read(const TapRecord& record, size_t payload) {
  std::vector<std::byte> bytes(sizeof record + payload);
  std::memcpy(bytes.data(), &record, sizeof record);
  return ReadTapRecord(bytes);
}

TEST(LabelRecordTest, TakesWhatNdpiSays) {
  EXPECT_EQ(Read(Label("TLS.YouTube"))->text(), "TLS.YouTube");
  EXPECT_EQ(Read(Label("WSD"))->text(), "WSD");
  EXPECT_TRUE(Read(Label(std::string(LabelRecord::kMostLabel, 'a'))));
}

TEST(LabelRecordTest, RefusesWhatNoHonestWorkerSays) {
  for (const std::string_view text : {"", "a\"b", "a\\b", "a\nb", "a\x1b[2J",
                                      "a\x7f", "\xff", "<b>", "a;b", "a|b"}) {
    EXPECT_FALSE(Read(Label(text))) << text;
  }
  LabelRecord record = Label("x");
  record.length = LabelRecord::kMostLabel + 1;
  EXPECT_FALSE(Read(record));
  record = Label("x");
  record.kind = static_cast<AnswerKind>(0);
  EXPECT_FALSE(Read(record));
  record.kind = static_cast<AnswerKind>(4);
  EXPECT_FALSE(Read(record));
  record = Label("x");
  record.given_up = GivenUp::kAfterSoMany;
  EXPECT_TRUE(Read(record));
  record.given_up = static_cast<GivenUp>(3);
  EXPECT_FALSE(Read(record));
  const auto bytes = std::as_bytes(std::span(&record, 1));
  EXPECT_FALSE(ReadLabelRecord(bytes.first(bytes.size() - 1)));
  EXPECT_FALSE(ReadLabelRecord({}));
}

TEST(TapRecordTest, RefusesWhatNoHonestAgentSays) {
  TapRecord record{.protocol = kProtocolUdp};
  EXPECT_TRUE(Read(record, 1));
  EXPECT_FALSE(Read(record, 0));
  record.protocol = kProtocolEsp;
  EXPECT_FALSE(Read(record, 1));
  record.kind = TapKind::kEnd;
  EXPECT_TRUE(Read(record, 0));
  EXPECT_FALSE(Read(record, 1));
  record.kind = static_cast<TapKind>(9);
  EXPECT_FALSE(Read(record, 0));
  EXPECT_FALSE(ReadTapRecord({}));
}

// Otherwise a school's policy would not hold for what has no name.
TEST(ProtocolMeaningTest, ProtocolsStandForCategories) {
  EXPECT_EQ(MeaningOf("BitTorrent").category, "file-sharing");
  EXPECT_EQ(MeaningOf("WireGuard").category, "bypass");
  EXPECT_EQ(MeaningOf("WireGuard").cause, Blind::kVpn);
  EXPECT_EQ(MeaningOf("TLS.Tor").category, "bypass");
  EXPECT_EQ(MeaningOf("TLS.Tor").cause, Blind::kTor);
  EXPECT_EQ(MeaningOf("TLS.AnyDesk").category, "remote-access");
  EXPECT_FALSE(MeaningOf("TLS.AnyDesk").tunnel());
  EXPECT_EQ(MeaningOf("RDP").category, "remote-access");
}

// Otherwise people would be accused for what is no tunnel.
TEST(ProtocolMeaningTest, NamesOfServicesStandForNothing) {
  for (const std::string_view label :
       {"", ".", "..", "TLS", "TLS.YouTube", "QUIC.Google", "Torrents", "DNS",
        "tor", "SSH", "IPsec"}) {
    EXPECT_EQ(MeaningOf(label).category, "") << label;
  }
}

}  // namespace
}  // namespace schoolgate::agent
