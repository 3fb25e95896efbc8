#include "agent/enforce/shadow_gate.h"

#include <vector>

#include "gtest/gtest.h"

namespace schoolgate::agent {
namespace {

// A queue that holds one packet and writes down what became of it.
class OnePacket : public platform::PacketGate {
 public:
  bool Take(absl::Duration, platform::HeldByKernel* held) override {
    held->id = 7;
    held->mark = 0xca6c;
    return true;
  }
  void Accept(uint32_t id, uint32_t mark) override {
    accepted.emplace_back(id, mark);
  }
  void Replace(uint32_t, uint32_t, std::span<const uint8_t>) override {
    ++changed;
  }
  void Drop(uint32_t) override { ++changed; }
  int descriptor() const override { return -1; }
  uint64_t overflowed() const override { return 3; }

  std::vector<std::pair<uint32_t, uint32_t>> accepted;
  int changed = 0;
};

// Otherwise a policy that is only tried out would stop lessons.
TEST(ShadowGateTest, EverythingGoesOnAsItWas) {
  OnePacket kernel;
  ShadowGate shadow(kernel);
  platform::HeldByKernel held;
  ASSERT_TRUE(shadow.Take(absl::ZeroDuration(), &held));
  const std::vector<uint8_t> answer = {1, 2, 3};
  shadow.Drop(held.id);
  shadow.Replace(held.id, held.mark | kMarkPass, answer);
  shadow.Accept(held.id, held.mark | kMarkBlock);
  shadow.Accept(held.id, held.mark | kMarkPass);
  EXPECT_EQ(kernel.changed, 0);
  ASSERT_EQ(kernel.accepted.size(), 4u);
  for (const auto& [id, mark] : kernel.accepted) {
    EXPECT_EQ(id, 7u);
    EXPECT_EQ(mark & kMarkBlock, 0u);
    EXPECT_EQ(mark & ~kMarkBits, 0xca6cu);
  }
  EXPECT_EQ(shadow.overflowed(), 3u);
}

}  // namespace
}  // namespace schoolgate::agent
