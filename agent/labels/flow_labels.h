// Labels for flows that have no name, from schoolgate-dpi: feeds it the first
// packets of each flow, tells what it answers, and starts it anew when it dies
// or stalls. Whatever happens to it costs labels, nothing else, and is counted.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/labels/dpi_process.h"
#include "agent/observe/flow_tap.h"
#include "agent/observe/observation.h"
#include "agent/observe/teller.h"
#include "platform/clock.h"

namespace schoolgate::agent {

struct LabelOptions {
  std::string program;  // path of schoolgate-dpi
  // A capture has time: wait for the worker instead of dropping packets, and
  // tell labels at Finish only, so that each run tells the same.
  bool in_step = false;
};

// All since the start.
struct LabelCounters {
  uint64_t packets = 0;    // fed
  uint64_t dropped = 0;    // packets not fed: its ring was full
  uint64_t cut = 0;        // packets of which only the start was fed
  uint64_t early = 0;      // flows that the worker gave up for others
  uint64_t undecided = 0;  // flows that nDPI had nothing to say of in time
  uint64_t refused = 0;    // flows not followed: too many at once
  uint64_t labels = 0;     // told
  uint64_t lost = 0;       // flows whose label went down with a worker
  uint64_t starts = 0;
  uint64_t deaths = 0;  // it ended by itself, or was killed by others
  uint64_t stalls = 0;  // it was killed: did nothing for kStallLimit
  uint64_t broken = 0;  // it was killed: wrote nonsense into a ring
};

// Not thread-safe. Borrows sink and clock for its life.
class FlowLabels : public FlowTap {
 public:
  // Flows that an answer is outstanding for.
  static constexpr size_t kMostWaiting = 8192;
  static constexpr absl::Duration kStallLimit = absl::Seconds(5);
  // The wait before a worker is started anew: the first at once, then doubling
  // while workers die young.
  static constexpr absl::Duration kFirstWait = absl::Milliseconds(500);
  static constexpr absl::Duration kMostWait = absl::Minutes(1);
  static constexpr absl::Duration kYoung = absl::Minutes(1);

  FlowLabels(LabelOptions options, ObservationSink& sink,
             const platform::Clock& clock);

  // The first start; later ones are Tend's. The status names the program.
  absl::Status Start();

  void OnPacket(Flow& flow, const Segment& segment, uint64_t frame,
                int64_t time_us) override;
  void OnClosed(const Flow& flow) override;

  // Tells what has been answered. Cheap; call often.
  void Take();

  // Sees whether the worker is alive and well, and restarts it. Call a few
  // times a second.
  void Tend();

  // At the end of a capture, after Observer::Finish: waits for the answers on
  // all flows and tells them in order of their packets. DEADLINE_EXCEEDED or
  // ABORTED when the worker stalled or died over it: labels are missing then.
  absl::Status Finish();

  const LabelCounters& counters() const { return counters_; }
  // By how much labels change the observer's blindness: a tunnel that was
  // counted as something else, or not at all. By Blind; may be negative.
  const std::array<int64_t, kBlindCauses>& blind_change() const {
    return blind_change_;
  }
  pid_t worker() const { return process_ ? process_->pid() : 0; }
  // Why there is no worker, when there is none.
  const std::string& problem() const { return problem_; }

 private:
  struct Followed {
    Endpoint client;
    Endpoint server;
    int64_t first_us = 0;
    int64_t last_us = 0;
    uint64_t last_frame = 0;
    uint32_t uid = platform::kNoUid;
    uint8_t protocol = 0;
    uint8_t blind = 0;
    bool named = false;
  };
  struct Held {
    uint64_t flow = 0;
    uint64_t frame = 0;
    int64_t time_us = 0;
    std::string label;
    Followed of;
  };

  static void Describe(const Flow& flow, Followed* of);
  void Push(const TapRecord& record, std::span<const uint8_t> payload);
  bool WaitForRoom();
  void OnAnswer(const LabelRecord& answer);
  void TellLabel(const Held& held);
  void Reckon(uint64_t flow, const Followed& of, std::string_view label);
  void Lose(uint64_t* why);
  bool CheckWorker();
  void TellHeld();

  const LabelOptions options_;
  ObservationSink& sink_;
  const platform::Clock& clock_;
  std::unique_ptr<DpiProcess> process_;
  std::string problem_;
  absl::flat_hash_map<uint64_t, Followed> waiting_;
  // Flows whose blindness a label has decided before they ended.
  absl::flat_hash_map<uint64_t, uint8_t> decided_;
  std::vector<Held> held_;
  // Where a flow's label waits in held_: the flow goes on after it.
  absl::flat_hash_map<uint64_t, size_t> held_at_;
  std::array<int64_t, kBlindCauses> blind_change_{};
  LabelCounters counters_;
  uint64_t last_sync_ = 0;
  uint64_t synced_ = 0;
  uint64_t progress_ = 0;
  absl::Duration progress_at_;
  absl::Duration started_at_;
  absl::Duration next_start_;
  absl::Duration wait_ = absl::ZeroDuration();
};

// Where schoolgate-dpi lies: beside the running program, else where packages
// put it.
std::string DpiProgram();

}  // namespace schoolgate::agent
