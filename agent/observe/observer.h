// Packets in, observations out: who asked for which name, and how many bytes
// went over which flow. The same for captures, live devices and the kernel's
// log queue.
#pragma once

#include <array>
#include <span>

#include "agent/capture/flow_table.h"
#include "agent/capture/packet_decoder.h"
#include "agent/observe/flow_tap.h"
#include "agent/observe/observation.h"
#include "agent/observe/partial_pool.h"
#include "agent/observe/tcp_inspector.h"
#include "agent/observe/teller.h"
#include "agent/observe/udp_inspector.h"

namespace schoolgate::agent {

// Together with fixed tables of about 9 MB at worst (fragments), the flows and
// partial messages stay below 64 MB whatever is sent.
struct ObserverLimits {
  FlowLimits flows;
  uint32_t max_partials = 4096;
  size_t max_partial_bytes = 12 << 20;
  // Whether the end of a flow may tell the name in a hello of which a segment
  // was lost. Not for whoever takes each name for that of the packet just
  // brought.
  bool names_at_end = true;
  // Whether QUIC hellos are kept while their flow is: then a packet that says
  // other bytes in their place is doubtful, and a second hello is told as well.
  bool keep_hellos = false;
};

// Not thread-safe. Deterministic: the same packets give the same observations.
// An allocation that fails inside OnPacket costs what that packet would have
// told, counted, and nothing else.
class Observer : private FlowExpiry {
 public:
  static constexpr int64_t kProgressEveryUs = 1'000'000;
  static constexpr uint64_t kProgressBytes = 1 << 14;
  static constexpr uint64_t kWokenBytes = 4'200;

  // The sink must outlive the observer.
  Observer(const ObserverLimits& limits, ObservationSink& sink);
  ~Observer() override;

  // Null, as at the start: nobody. Borrowed until Finish.
  void SetTap(FlowTap* tap) { tap_ = tap; }

  // Whether the next packets' flow is forgotten by whoever is told of it: then
  // it is a new one here, too, and its name is told again. Not while a message
  // has only begun. Off, as at the start.
  void SetForgotten(bool forgotten) { forgotten_ = forgotten; }

  void OnPacket(const platform::Packet& packet) { OnPackets({&packet, 1}); }

  // Several that were read at once: the same as one by one, and faster.
  void OnPackets(std::span<const platform::Packet> packets);

  // Whether the packet just brought belongs to a message that has begun and
  // may yet name somebody.
  bool unfinished() const { return unfinished_; }

  // Whether it may give its server a name that was not told: see Teller.
  bool doubtful() const { return teller_.doubtful(); }

  // Closes all flows: tells their last progress, counts those that never
  // gave a name. For the end of a capture, or before going down.
  void Finish();

  const ObserverCounters& counters();

  // What flows, partial messages and waiting fragments take at most, now.
  size_t memory_bytes() const;

 private:
  void OnExpired(Flow& flow) override;
  // A packet on its way through.
  struct Passing {
    Decoded decoded = Decoded::kNothing;
    bool out_of_memory = false;
    uint32_t hash = 0;
    Segment segment;
  };
  // Packets decoded at once, of however many there are.
  static constexpr size_t kPortion = 16;

  size_t DecodeSome(std::span<const platform::Packet> packets);
  void Observe(const platform::Packet& packet, const Passing& passing);
  void Look(const platform::Packet& packet, const Passing& passing);
  void ObserveMore(const platform::Packet& packet);
  bool BeginsAnew(const Flow& flow, int side, const Segment& segment);
  void OnSegment(const Segment& segment, uint32_t hash);
  void OnTcp(Flow& flow, int side, const Segment& segment);
  void Inspect(Flow& flow, int side, const Segment& segment);
  void OnLooseSegment(const Segment& segment);
  void ReadRest(Flow& flow);
  void Close(Flow& flow);

  PacketDecoder decoder_;
  Teller teller_;
  PartialPool partials_;
  TcpInspector tcp_;
  UdpInspector udp_;
  bool forgotten_ = false;
  FlowTable flows_;
  std::array<Passing, kPortion> passing_;
  FlowTap* tap_ = nullptr;
  const bool names_at_end_;
  bool unfinished_ = false;
};

}  // namespace schoolgate::agent
