#include "collector/fleet/contact_nonce.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";

// One device as the collector remembers it.
class Memory {
 public:
  ContactVerdict Contact(std::string* nonce) {
    const ContactStep step = NextContact(kSecret, "D-1", state, *nonce);
    if (step.verdict == ContactVerdict::kClone) return step.verdict;
    state = step.state;
    *nonce = step.give;
    return step.verdict;
  }
  std::string state;
};

TEST(ContactNonceTest, AnHonestDeviceIsNeverTakenForACopy) {
  Memory collector;
  std::string nonce;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(collector.Contact(&nonce), ContactVerdict::kGood);
  }
}

TEST(ContactNonceTest, LostAnswersAreForgivenAsOftenAsTheyHappen) {
  Memory collector;
  std::string nonce;
  collector.Contact(&nonce);
  for (int i = 0; i < 20; ++i) {
    std::string lost = nonce;
    EXPECT_NE(collector.Contact(&lost), ContactVerdict::kClone);
    lost = nonce;
    EXPECT_EQ(collector.Contact(&lost), ContactVerdict::kRepeated);
    EXPECT_EQ(collector.Contact(&nonce), ContactVerdict::kRepeated);
  }
}

TEST(ContactNonceTest, TwoCopiesThatAlternateAreFoundAtOnce) {
  Memory collector;
  std::string original;
  collector.Contact(&original);
  std::string copy = original;
  EXPECT_EQ(collector.Contact(&original), ContactVerdict::kGood);
  EXPECT_EQ(collector.Contact(&copy), ContactVerdict::kRepeated);
  EXPECT_EQ(collector.Contact(&original), ContactVerdict::kClone);
}

TEST(ContactNonceTest, AnOldDiskImageIsFound) {
  Memory collector;
  std::string nonce;
  collector.Contact(&nonce);
  std::string image = nonce;
  for (int i = 0; i < 5; ++i) collector.Contact(&nonce);
  EXPECT_EQ(collector.Contact(&image), ContactVerdict::kClone);
}

TEST(ContactNonceTest, ARestoredCollectorAccusesNobody) {
  Memory collector;
  std::string nonce;
  collector.Contact(&nonce);
  const std::string backup = collector.state;
  for (int i = 0; i < 5; ++i) collector.Contact(&nonce);
  collector.state = backup;
  EXPECT_EQ(collector.Contact(&nonce), ContactVerdict::kAhead);
  EXPECT_EQ(collector.Contact(&nonce), ContactVerdict::kGood);
}

TEST(ContactNonceTest, ANonceOfAnotherDeviceOrMadeUpIsNotOurs) {
  Memory collector;
  std::string nonce;
  for (int i = 0; i < 3; ++i) collector.Contact(&nonce);
  std::string theirs = NextContact(kSecret, "D-2", "", "").give;
  EXPECT_EQ(collector.Contact(&theirs), ContactVerdict::kForgotten);
  std::string made_up(24, '\xff');
  EXPECT_EQ(collector.Contact(&made_up), ContactVerdict::kForgotten);
}

}  // namespace
}  // namespace schoolgate::collector
