// A labelling process that dies, or a limit that is reached, would go
// unnoticed at the school.
#include "agent/run/heartbeat.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/run/status.h"

namespace schoolgate::agent {
namespace {

AgentStatus Troubled() {
  AgentStatus status;
  status.label_flows = true;
  status.label_problem = "schoolgate-dpi: not there";
  status.labels = {.packets = 9,
                   .dropped = 1,
                   .undecided = 19,
                   .refused = 2,
                   .labels = 3,
                   .lost = 4,
                   .starts = 5,
                   .deaths = 6,
                   .stalls = 7,
                   .broken = 8};
  status.watch.unwaited = 11;
  status.witness.signs = {12, 13, 14};
  status.witness.forgotten_desks = 15;
  status.seen.untapped_flows = 16;
  status.seen.long_fronts = 17;
  status.seen.long_ids = 18;
  return status;
}

TEST(Heartbeat, SaysHowTheLabellingProcessDoes) {
  const AgentStatus status = Troubled();
  const v1::Event event = MakeHeartbeat(status, status.seen, {}, "",
                                        v1::Place(), absl::UnixEpoch());
  const v1::LabelWorker& worker = event.heartbeat().label_worker();
  EXPECT_TRUE(worker.wanted());
  EXPECT_EQ(worker.trouble(), "schoolgate-dpi: not there");
  EXPECT_EQ(worker.packets_dropped(), 1u);
  EXPECT_EQ(worker.labels(), 3u);
  EXPECT_EQ(worker.starts(), 5u);
  EXPECT_EQ(worker.deaths(), 6u);
  EXPECT_EQ(worker.stalls(), 7u);
  EXPECT_EQ(worker.broken(), 8u);
}

TEST(Status, ShowsTheLabellingProcessAndWhatLimitsCost) {
  const auto json =
      nlohmann::json::parse(ToJson(Troubled(), absl::UnixEpoch()));
  EXPECT_EQ(json["dpi"]["wanted"], true);
  EXPECT_EQ(json["dpi"]["packets"], 9);
  EXPECT_EQ(json["dpi"]["packets_dropped"], 1);
  EXPECT_EQ(json["dpi"]["flows_refused"], 2);
  EXPECT_EQ(json["dpi"]["flows_lost"], 4);
  EXPECT_EQ(json["dpi"]["deaths"], 6);
  EXPECT_EQ(json["contradictions"]["tunnel_behind_name"], 12);
  EXPECT_EQ(json["contradictions"]["name_never_asked"], 13);
  EXPECT_EQ(json["contradictions"]["dominant_while_silent"], 14);
  EXPECT_EQ(json["beyond_limits"]["unwaited_contacts"], 11);
  EXPECT_EQ(json["beyond_limits"]["forgotten_desks"], 15);
  EXPECT_EQ(json["beyond_limits"]["flows_beyond_tap"], 16);
  EXPECT_EQ(json["beyond_limits"]["text_in_front"], 17);
  EXPECT_EQ(json["beyond_limits"]["quic_ids"], 18);
  EXPECT_EQ(json["dpi"]["flows_undecided"], 19);
}

}  // namespace
}  // namespace schoolgate::agent
