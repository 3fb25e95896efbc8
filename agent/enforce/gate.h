// Judges each packet that the kernel holds, before it leaves: the only place
// where the school's policy stops anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/decide/recent_map.h"
#include "agent/decide/watch.h"
#include "agent/enforce/dns_answer.h"
#include "agent/enforce/flow_ends.h"
#include "agent/enforce/held_back.h"
#include "agent/enforce/held_packet.h"
#include "agent/enforce/live_flows.h"
#include "agent/enforce/refusal.h"
#include "agent/enforce/sent_bytes.h"
#include "agent/observe/observer.h"
#include "platform/packet_gate.h"
#include "platform/packet_sender.h"

namespace schoolgate::agent {

struct GateCounters {
  uint64_t held = 0;
  uint64_t passed = 0;
  uint64_t blocked = 0;      // names and kinds of connection refused
  uint64_t restricted = 0;   // questions asked for another name
  uint64_t undecidable = 0;  // no IP packet we understand: let through
  uint64_t unanswered = 0;   // refused, but the answer could not be sent
};

// Not thread-safe. Borrows what it is given for its own life.
class Gate : private ObservationSink {
 public:
  // Packets that `sender` sends carry kMarkOurs. Null where nothing is really
  // stopped and so nobody is to be told.
  Gate(platform::PacketGate& packets, platform::PacketSender* sender,
       Watch& watch);

  // Is told of connections that are let run; null as at the start. Outlives
  // the gate.
  void SetLiveFlows(LiveFlows* flows) { live_flows_ = flows; }

  // Judges what is held now, at most a few hundred packets; never waits. While
  // holds_back(), call it every few milliseconds, whether something came or
  // not.
  void Serve(int64_t now_us);

  // Whether a hello has come in part and its packets wait for the rest.
  bool holds_back() const { return !held_back_.empty(); }

  // Lets them go on. For whoever ends the gate and takes its table away.
  void LetGo();

  const GateCounters& counters() const { return counters_; }
  const ObserverCounters& observed() { return observer_.counters(); }

 private:
  // A question that gets its answer from here.
  struct Answered {
    std::string name;
    uint16_t type = 0;
    BlockAnswer kind = BlockAnswer::kNoSuchName;
  };
  // What the names in one held packet came to. Emptied, not freed, each time.
  struct Found {
    bool named = false;
    bool block = false;
    bool dns = false;
    bool http = false;
    std::vector<Answered> answered;
    std::string_view restricted;  // the name to ask for instead
    std::string followed;  // asked for over HTTP; its answer is looked at
    // The first name refused, for the page that says so.
    Observation refused;
    std::string refused_name;
    rules::Decision decision;
  };
  struct Flow {
    uint32_t packets = 0;
    bool blocked = false;
    bool talkative = false;  // HTTP, DNS: more names may follow the first
    bool hello = false;      // TLS has named somebody
    bool done = false;       // has said all that it is judged by
    bool opened = false;     // we saw its very first segment
    bool hurried = false;    // says its hello slowly: not held back again
    bool runs = false;       // its server has what was judged
    // TCP: of the first payload, and behind the last.
    bool begun = false;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint32_t end = 0;

    // Whether the connection that we know begins there: we saw it open, or what
    // comes right behind was here before, since our predecessor held this.
    bool BeginsWith(uint32_t first) const {
      constexpr uint32_t kHello = 1 << 16;
      return opened || (begun && !done && !hello && sequence - first < kHello);
    }
  };
  struct Asked {
    std::vector<uint8_t> query;
    std::string instead;
  };

  // A flow that has named nobody after so many packets will not, unless a
  // message that may name somebody has begun.
  static constexpr uint32_t kMaxPacketsToName = 20;
  static constexpr uint32_t kMaxPacketsUnfinished = 4096;
  static constexpr uint32_t kMaxPacketsTalkative = 400;
  // More than a kernel sends before anything of it was acknowledged.
  static constexpr int32_t kCertainlyTaken = 128 << 10;
  static constexpr size_t kMaxUnanswered = 256;
  static constexpr int64_t kFlowMemoryUs = 120'000'000;
  static constexpr size_t kMaxFlows = 16'384;
  static constexpr int64_t kQuestionMemoryUs = 20'000'000;
  static constexpr size_t kMaxQuestions = 4096;
  static constexpr size_t kMaxFollowed = 64;
  static constexpr int kPacketsATurn = 256;

  void OnName(const Observation& observation) override;
  void OnBlind(Blind cause, const Observation& flow) override;
  void OnDnsName(const Observation& observation);
  void Refuse(const Observation& observation, const rules::Decision& decision);

  void Conclude();
  void Observe(const platform::HeldByKernel& held, int64_t now_us);
  void ObserveBytes(std::span<const uint8_t> bytes, uint32_t uid,
                    int64_t now_us);
  void JudgeOpening(const platform::HeldByKernel& held,
                    const HeldPacket& packet, int64_t now_us);
  void Judge(const platform::HeldByKernel& held, int64_t now_us);
  void JudgeDns(const platform::HeldByKernel& held, const HeldPacket& packet,
                int64_t now_us);
  void JudgeTcp(const platform::HeldByKernel& held, const HeldPacket& packet,
                int64_t now_us);
  void JudgeWithoutPorts(const platform::HeldByKernel& held,
                         const FlowEnds& ends, int64_t now_us);
  void JudgeDatagram(const platform::HeldByKernel& held,
                     const HeldPacket& packet, int64_t now_us);
  void JudgeReply(const platform::HeldByKernel& held, const HeldPacket& packet,
                  int64_t now_us);
  bool SentAsBefore(const FlowEnds& ends, const Flow& flow,
                    const HeldPacket& packet, int64_t now_us);
  static bool HasBeenTaken(const Flow& flow, const HeldPacket& packet);
  void JudgeHttpReply(const HeldPacket& packet, int64_t now_us);
  void RefuseTcp(const platform::HeldByKernel& held, const HeldPacket& packet);
  std::vector<uint8_t> PageFor(const HeldPacket& packet);
  bool AnswerDnsStream(const platform::HeldByKernel& held,
                       const HeldPacket& packet);
  const Answered* AnswerOf(std::span<const uint8_t> query) const;
  void Reply(const platform::HeldByKernel& held, const HeldPacket& packet,
             std::span<const uint8_t> payload);
  static FlowEnds EndsOf(const HeldPacket& packet);
  static bool IsToNameServer(const HeldPacket& packet);
  void NoteAsker(std::span<const uint8_t> address, uint16_t port, uint16_t id);
  Flow& FlowOf(const FlowEnds& ends, int64_t now_us);
  Flow& Begin(const FlowEnds& ends, int64_t now_us);
  void Pass(const platform::HeldByKernel& held, uint32_t bits);
  bool HoldBack(const platform::HeldByKernel& held, const FlowEnds& ends,
                Flow& flow, int64_t now_us);
  void GoOn(const FlowEnds& ends);
  void DropHeldBack(const FlowEnds& ends);
  void LetOverdueGo(int64_t now_us);
  BlockAnswer AnswerToBlocked() const;

  platform::PacketGate& packets_;
  Watch& watch_;
  Refusal refusal_;
  LiveFlows* live_flows_ = nullptr;
  Observer observer_;
  Found found_;
  RecentMap<FlowEnds, Flow> flows_{kFlowMemoryUs, kMaxFlows};
  RecentMap<FlowEnds, SentBytes> sent_{kFlowMemoryUs, kMaxUnanswered};
  RecentMap<std::string, Asked> asked_{kQuestionMemoryUs, kMaxQuestions};
  RecentMap<FlowEnds, std::string> followed_{kQuestionMemoryUs, kMaxFollowed};
  HeldBack held_back_;
  std::string key_;
  uint64_t frames_ = 0;
  GateCounters counters_;
};

}  // namespace schoolgate::agent
