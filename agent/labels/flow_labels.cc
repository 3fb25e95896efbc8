#include "agent/labels/flow_labels.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "agent/labels/protocol_meaning.h"

namespace schoolgate::agent {
namespace {

constexpr char kName[] = "schoolgate-dpi";
constexpr char kInstalled[] = "/usr/libexec/schoolgate/schoolgate-dpi";
// In step: how long between two looks at a worker that is waited for.
constexpr absl::Duration kLook = absl::Milliseconds(200);
constexpr uint64_t kTakeEvery = 64;  // packets, in step

bool IsGuess(Blind cause) {
  return cause == Blind::kParseFailure || cause == Blind::kMissedStart ||
         cause == Blind::kNoSni || cause == Blind::kDirectAddress;
}

}  // namespace

std::string DpiProgram() {
  const std::string beside = platform::ProgramFolder() + "/" + kName;
  std::error_code error;
  return std::filesystem::exists(beside, error) ? beside : kInstalled;
}

FlowLabels::FlowLabels(LabelOptions options, ObservationSink& sink,
                       const platform::Clock& clock)
    : options_(std::move(options)), sink_(sink), clock_(clock) {
  waiting_.reserve(1024);
}

absl::Status FlowLabels::Start() {
  auto process = DpiProcess::Start(options_.program);
  started_at_ = progress_at_ = clock_.SinceBoot();
  progress_ = 0;
  if (!process.ok()) {
    problem_ = std::string(process.status().message());
    wait_ = std::clamp(wait_ * 2, kFirstWait, kMostWait);
    next_start_ = started_at_ + wait_;
    return process.status();
  }
  problem_.clear();
  process_ = *std::move(process);
  ++counters_.starts;
  return absl::OkStatus();
}

void FlowLabels::OnPacket(Flow& flow, const Segment& segment, uint64_t frame,
                          int64_t time_us) {
  if (segment.protocol != kProtocolTcp && segment.protocol != kProtocolUdp) {
    return;
  }
  if (process_ == nullptr) return;
  auto found = waiting_.find(flow.id);
  if (found == waiting_.end()) {
    if ((flow.marks & kMarkTapped) == 0) {
      if (waiting_.size() >= kMostWaiting && options_.in_step) Take();
      if (waiting_.size() >= kMostWaiting) {
        ++counters_.refused;
        flow.marks |= kMarkTapped;
        return;
      }
      flow.marks |= kMarkTapped;
      found = waiting_.emplace(flow.id, Followed{}).first;
      found->second.first_us = found->second.last_us = time_us;
    } else if (!options_.in_step) {
      return;  // was answered, refused or lost
    }
  }
  if (found != waiting_.end()) {
    Followed& of = found->second;
    Describe(flow, &of);
    of.first_us = std::min(of.first_us, time_us);
    of.last_us = std::max(of.last_us, time_us);
    of.last_frame = frame;
  }
  Push({.flow = flow.id,
        .frame = frame,
        .time_us = time_us,
        .src = segment.src,
        .dst = segment.dst,
        .src_port = segment.src_port,
        .dst_port = segment.dst_port,
        .tcp_seq = segment.tcp_seq,
        .tcp_ack = segment.tcp_ack,
        .tcp_flags = segment.tcp_flags,
        .protocol = segment.protocol},
       segment.payload);
}

void FlowLabels::Describe(const Flow& flow, Followed* of) {
  of->client = {flow.ends[flow.client], flow.ports[flow.client]};
  of->server = {flow.ends[flow.client ^ 1], flow.ports[flow.client ^ 1]};
  of->uid = flow.uid;
  of->protocol = flow.protocol;
  of->blind = flow.blind;
  of->named = flow.named;
}

void FlowLabels::OnClosed(const Flow& flow) {
  if (const auto decided = decided_.find(flow.id); decided != decided_.end()) {
    if (flow.blind != 0) --blind_change_[flow.blind];
    decided_.erase(decided);
  }
  const auto found = waiting_.find(flow.id);
  if (found != waiting_.end()) {
    Describe(flow, &found->second);
  } else if (!options_.in_step) {
    return;  // was answered
  } else if (const auto at = held_at_.find(flow.id); at != held_at_.end()) {
    Describe(flow, &held_[at->second].of);
  }
  // In step it is said always: what the worker remembers must not depend on
  // when its answers are taken.
  TapRecord end{.flow = flow.id};
  end.kind = TapKind::kEnd;
  const uint64_t dropped = counters_.dropped;
  Push(end, {});
  // Without the word of its end it might never be answered.
  if (counters_.dropped != dropped) waiting_.erase(flow.id);
}

void FlowLabels::Push(const TapRecord& record,
                      std::span<const uint8_t> payload) {
  if (process_ == nullptr) return;
  while (!process_->Push(record, payload)) {
    if (!options_.in_step || !WaitForRoom()) {
      ++counters_.dropped;
      return;
    }
  }
  ++counters_.packets;
  counters_.cut += payload.size() > kMostTapPayload;
  if (options_.in_step && counters_.packets % kTakeEvery == 0) Take();
}

// In step only. False: the worker is lost.
bool FlowLabels::WaitForRoom() {
  Take();
  if (process_ == nullptr) return false;
  process_->Wait(kLook);
  Take();
  return CheckWorker();
}

void FlowLabels::Take() {
  if (process_ != nullptr) process_->Knock();
  while (process_ != nullptr) {
    const auto answer = process_->Pop();
    if (process_->broken()) return Lose(&counters_.broken);
    if (!answer) return;
    OnAnswer(*answer);
  }
}

void FlowLabels::OnAnswer(const LabelRecord& answer) {
  if (answer.kind == AnswerKind::kSynced) {
    synced_ = answer.flow;
    return;
  }
  counters_.early += answer.given_up == GivenUp::kForAnother;
  counters_.undecided += answer.given_up == GivenUp::kAfterSoMany;
  const auto found = waiting_.find(answer.flow);
  if (found == waiting_.end()) return;  // answered or given up before
  const Followed of = found->second;
  waiting_.erase(found);
  if (answer.kind != AnswerKind::kLabel) return;
  Held held{.flow = answer.flow,
            .frame = std::min(answer.frame, of.last_frame),
            .time_us = std::clamp(answer.time_us, of.first_us, of.last_us),
            .label = std::string(answer.text()),
            .of = of};
  if (options_.in_step) {
    held_at_[answer.flow] = held_.size();
    held_.push_back(std::move(held));
  } else {
    TellLabel(held);
  }
}

void FlowLabels::TellLabel(const Held& held) {
  ++counters_.labels;
  Reckon(held.flow, held.of, held.label);
  Observation told;
  told.time_us = held.time_us;
  told.frame = held.frame;
  told.source = NameSource::kFlow;
  told.transport =
      held.of.protocol == kProtocolTcp ? Transport::kTcp : Transport::kUdp;
  told.src = held.of.client;
  told.dst = held.of.server;
  told.protocol = held.label;
  told.uid = held.of.uid;
  told.flow = held.flow;
  sink_.OnName(told);
}

// A tunnel without a name is blindness with a cause, whatever it was taken
// for before.
void FlowLabels::Reckon(uint64_t flow, const Followed& of,
                        std::string_view label) {
  const Blind cause = MeaningOf(label).cause;
  if (cause == Blind::kNone || of.named) return;
  if (of.blind != 0 && !IsGuess(static_cast<Blind>(of.blind))) return;
  if (of.blind != 0) {
    --blind_change_[of.blind];
  } else if (!options_.in_step && decided_.size() < kMostWaiting) {
    decided_.emplace(flow, static_cast<uint8_t>(cause));
  }
  ++blind_change_[static_cast<size_t>(cause)];
}

// The worker is ended, for a reason that is counted.
void FlowLabels::Lose(uint64_t* why) {
  ++*why;
  counters_.lost += waiting_.size();
  waiting_.clear();
  process_.reset();
  const absl::Duration now = clock_.SinceBoot();
  wait_ = now - started_at_ >= kYoung
              ? absl::ZeroDuration()
              : std::clamp(wait_ * 2, kFirstWait, kMostWait);
  next_start_ = now + wait_;
}

// False: there is no worker (any more).
bool FlowLabels::CheckWorker() {
  if (process_ == nullptr) return false;
  if (process_->EndedBy().has_value()) {
    Take();  // its last words
    if (process_ != nullptr) Lose(&counters_.deaths);
    return false;
  }
  const absl::Duration now = clock_.SinceBoot();
  const uint64_t progress = process_->progress();
  if (process_->broken()) return Lose(&counters_.broken), false;
  if (progress != progress_ || process_->idle()) {
    progress_ = progress;
    progress_at_ = now;
  } else if (now - progress_at_ >= kStallLimit) {
    return Lose(&counters_.stalls), false;
  }
  return true;
}

void FlowLabels::Tend() {
  Take();
  if (!CheckWorker() && clock_.SinceBoot() >= next_start_) (void)Start();
}

absl::Status FlowLabels::Finish() {
  if (process_ == nullptr) {
    TellHeld();
    const absl::Status started = Start();  // for the next capture
    return started.ok() ? absl::AbortedError(
                              "schoolgate-dpi: died: labels "
                              "are missing for a part")
                        : started;
  }
  TapRecord sync{.flow = ++last_sync_};
  sync.kind = TapKind::kSync;
  Push(sync, {});
  while (CheckWorker() && synced_ != last_sync_) {
    process_->Wait(kLook);
    Take();
  }
  const bool whole = synced_ == last_sync_;
  waiting_.clear();
  TellHeld();
  if (whole) return absl::OkStatus();
  if (absl::Status status = Start(); !status.ok()) return status;
  return absl::AbortedError(
      "schoolgate-dpi: died or stalled: labels are missing for a part");
}

void FlowLabels::TellHeld() {
  std::sort(held_.begin(), held_.end(), [](const Held& a, const Held& b) {
    return std::tie(a.frame, a.flow) < std::tie(b.frame, b.flow);
  });
  for (const Held& held : held_) TellLabel(held);
  held_.clear();
  held_at_.clear();
}

}  // namespace schoolgate::agent
