// A label that the agent takes for nonsense ends the worker: every name that
// nDPI may give has to pass.
#include <gtest/gtest.h>
#include <ndpi/ndpi_api.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "agent/dpi/flow_labeller.h"
#include "agent/labels/wire.h"

namespace schoolgate::agent {
namespace {

TEST(Labels, EveryNameOfNdpiIsUnderstood) {
  ndpi_detection_module_struct* module = ndpi_init_detection_module(0);
  ASSERT_NE(module, nullptr);
  const auto last =
      static_cast<uint16_t>(ndpi_get_num_supported_protocols(module));
  ASSERT_GT(last, 200);
  for (uint16_t id = 1; id < last; ++id) {
    for (const uint16_t carrier : {uint16_t{0}, uint16_t{91}}) {
      ndpi_protocol found{};
      found.master_protocol = carrier;
      found.app_protocol = id;
      char name[LabelRecord::kMostLabel + 1];
      ndpi_protocol2name(module, found, name, sizeof name);
      LabelRecord record;
      record.kind = AnswerKind::kLabel;
      record.length = static_cast<uint8_t>(std::strlen(name));
      std::copy_n(name, record.length, record.label);
      EXPECT_TRUE(ReadLabelRecord(std::as_bytes(std::span(&record, 1))))
          << name;
    }
  }
  ndpi_exit_detection_module(module);
}

// Otherwise a flood would take all memory, or push out flows unseen.
TEST(Labels, FlowsUpToTheLimitThenTheOldestIsAnswered) {
  std::vector<FlowLabeller::Found> answers;
  const auto labeller = FlowLabeller::Make(
      [&](const FlowLabeller::Found& found) { answers.push_back(found); });
  ASSERT_NE(labeller, nullptr);
  const std::byte payload[8] = {};
  TapRecord record{.src_port = 40000, .dst_port = 40001, .protocol = 17};
  for (uint64_t flow = 1; flow <= FlowLabeller::kMostFlows + 1; ++flow) {
    EXPECT_TRUE(answers.empty());
    record.flow = flow;
    labeller->OnPacket(record, payload);
  }
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].flow, 1u);
  EXPECT_EQ(answers[0].given_up, GivenUp::kForAnother);
}

TEST(Labels, AFlowIsGivenUpAfterSoManyPacketsAndThisIsSaid) {
  std::vector<FlowLabeller::Found> answers;
  const auto labeller = FlowLabeller::Make(
      [&](const FlowLabeller::Found& found) { answers.push_back(found); });
  ASSERT_NE(labeller, nullptr);
  const std::byte payload[8] = {};
  const TapRecord record{
      .flow = 1, .src_port = 40000, .dst_port = 40001, .protocol = 17};
  for (int i = 1; i <= FlowLabeller::kMostPackets + 1; ++i) {
    labeller->OnPacket(record, payload);
    ASSERT_EQ(answers.size(), i < FlowLabeller::kMostPackets ? 0u : 1u) << i;
  }
  EXPECT_EQ(answers[0].given_up, GivenUp::kAfterSoMany);
  labeller->OnEnd(1);
  EXPECT_EQ(answers.size(), 1u);  // it was answered
}

}  // namespace
}  // namespace schoolgate::agent
