#include <gtest/gtest.h>

#include <string>

#include "agent/enforce/dns_answer.h"
#include "agent/enforce/held_packet.h"
#include "agent/enforce/restricted_question.h"

namespace schoolgate::agent {
namespace {

std::vector<uint8_t> Bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

// www.bet.test, type `type`, with or without an OPT record.
std::vector<uint8_t> Query(uint8_t type, bool edns) {
  std::string query("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", 11);
  query.push_back(edns ? 1 : 0);
  query += std::string(
      "\x03www\x03"
      "bet\x04test\x00\x00",
      15);
  query.push_back(static_cast<char>(type));
  query += std::string("\x00\x01", 2);
  if (edns) query += std::string("\x00\x00\x29\x04\xd0\0\0\0\0\0\0", 11);
  return Bytes(query);
}

uint16_t ChecksumOf(std::span<const uint8_t> bytes, uint32_t start) {
  uint32_t sum = start;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
  }
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

std::vector<uint8_t> UdpPacket(bool v6, std::span<const uint8_t> payload) {
  std::vector<uint8_t> packet(v6 ? 40 : 20);
  const size_t total = packet.size() + 8 + payload.size();
  if (v6) {
    packet[0] = 0x60;
    packet[4] = static_cast<uint8_t>((8 + payload.size()) >> 8);
    packet[5] = static_cast<uint8_t>(8 + payload.size());
    packet[6] = kProtocolUdp;
    packet[23] = 2;
    packet[39] = 1;
  } else {
    packet[0] = 0x45;
    packet[2] = static_cast<uint8_t>(total >> 8);
    packet[3] = static_cast<uint8_t>(total);
    packet[9] = kProtocolUdp;
    packet[15] = 2;
    packet[19] = 1;
  }
  for (uint8_t byte : {0x9c, 0x40, 0x00, 0x35}) packet.push_back(byte);
  packet.push_back(static_cast<uint8_t>((8 + payload.size()) >> 8));
  packet.push_back(static_cast<uint8_t>(8 + payload.size()));
  packet.insert(packet.end(), 2, 0);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

TEST(DnsAnswerTest, ABlockedNameDoesNotExist) {
  const auto answer = AnswerBlocked(Query(1, false), BlockAnswer::kNoSuchName);
  ASSERT_EQ(answer.size(), Query(1, false).size());
  EXPECT_EQ(answer[0], 0x12);
  EXPECT_EQ(answer[1], 0x34);
  EXPECT_EQ(answer[2], 0x81);
  EXPECT_EQ(answer[3], 0x83);
}

// Otherwise a resolver that checks would not know that it was a policy.
TEST(DnsAnswerTest, WithEdnsItSaysThatItWasBlocked) {
  const auto answer = AnswerBlocked(Query(1, true), BlockAnswer::kNoSuchName);
  const std::vector<uint8_t> option = {0, 15, 0, 2, 0, 15};
  ASSERT_GE(answer.size(), option.size());
  EXPECT_TRUE(std::equal(option.begin(), option.end(), answer.end() - 6));
  EXPECT_EQ(answer[11], 1);
}

TEST(DnsAnswerTest, ZeroAddressesAnswerAddressQuestionsOnly) {
  const auto a = AnswerBlocked(Query(1, false), BlockAnswer::kZeroAddress);
  EXPECT_EQ(a[7], 1);
  EXPECT_EQ(a.size(), Query(1, false).size() + 16);
  const auto aaaa = AnswerBlocked(Query(28, false), BlockAnswer::kZeroAddress);
  EXPECT_EQ(aaaa.size(), Query(28, false).size() + 28);
  const auto https = AnswerBlocked(Query(65, false), BlockAnswer::kZeroAddress);
  EXPECT_EQ(https[7], 0);
  EXPECT_EQ(https[3], 0x80);
}

// Otherwise a hostile query would crash the gate.
TEST(DnsAnswerTest, EveryTruncationIsSurvived) {
  const auto query = Query(1, true);
  for (size_t size = 0; size < query.size(); ++size) {
    AnswerBlocked({query.data(), size}, BlockAnswer::kZeroAddress);
  }
  EXPECT_TRUE(AnswerBlocked({query.data(), 20}, BlockAnswer::kNoData).empty());
}

// Otherwise a hostile answer would crash the gate.
TEST(RestrictedQuestionTest, EveryTruncationIsSurvived) {
  const auto query = Query(1, true);
  const auto instead = AskInstead(query, "safe.example");
  ASSERT_FALSE(instead.empty());
  for (size_t size = 0; size < query.size(); ++size) {
    AskInstead({query.data(), size}, "safe.example");
  }
  auto answer = instead;
  answer[2] |= 0x80;
  answer[7] = 3;  // promises what it does not hold
  for (size_t size = 0; size < answer.size(); ++size) {
    AnswerInstead(query, "safe.example", {answer.data(), size});
  }
  // The answer to another question is no answer to this one.
  EXPECT_TRUE(AnswerInstead(query, "other.example", answer).empty());
}

// Otherwise a name that is gone would look like one without an address.
TEST(RestrictedQuestionTest, AFailureStaysAFailure) {
  const auto query = Query(1, true);
  auto answer = AskInstead(query, "safe.example");
  answer[2] |= 0x80;
  answer[3] = 2;  // SERVFAIL
  const auto whole = AnswerInstead(query, "safe.example", answer);
  ASSERT_GT(whole.size(), 12u);
  EXPECT_EQ(whole[3] & 0x0f, 2);
  EXPECT_EQ(whole[7], 0);
}

TEST(HeldPacketTest, AReplyGoesBackWithRightChecksums) {
  for (bool v6 : {false, true}) {
    const auto query = Query(1, false);
    const auto packet = UdpPacket(v6, query);
    const auto held = ParseHeld(packet);
    ASSERT_TRUE(held.has_value()) << v6;
    EXPECT_EQ(held->destination_port, 53);
    const auto reply = UdpReply(*held, query);
    const auto back = ParseHeld(reply);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->source_port, 53);
    EXPECT_EQ(back->destination_port, 40000);
    EXPECT_TRUE(std::equal(back->source.begin(), back->source.end(),
                           held->destination.begin()));
    const size_t header = v6 ? 40 : 20;
    const std::span<const uint8_t> all(reply);
    const auto addresses = v6 ? all.subspan(8, 32) : all.subspan(12, 8);
    const uint32_t start = ChecksumOf(addresses, 0) + kProtocolUdp +
                           static_cast<uint32_t>(reply.size() - header);
    EXPECT_EQ(ChecksumOf(all.subspan(header), start), 0xffff);
    if (!v6) {
      EXPECT_EQ(ChecksumOf(all.subspan(0, 20), 0), 0xffff);
    }
  }
}

TEST(HeldPacketTest, EveryTruncationAndFragmentIsRefused) {
  for (bool v6 : {false, true}) {
    auto packet = UdpPacket(v6, Query(1, false));
    for (size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(ParseHeld({packet.data(), size}).has_value());
    }
    if (!v6) {
      packet[6] = 0x20;
      EXPECT_FALSE(ParseHeld(packet).has_value());
    }
  }
}

}  // namespace
}  // namespace schoolgate::agent
