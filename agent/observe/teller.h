// Turns what the parsers found into observations, counts them, and judges
// what a connection hides.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "agent/capture/flow_table.h"
#include "agent/capture/segment.h"
#include "agent/observe/blindness.h"
#include "agent/observe/client_hello.h"
#include "agent/observe/dns_message.h"
#include "agent/observe/name_text.h"
#include "agent/observe/observation.h"

namespace schoolgate::agent {

inline constexpr size_t kNameSources = 7;

// All since the observer was made.
struct ObserverCounters {
  uint64_t packets = 0;
  uint64_t bytes = 0;  // on the wire
  uint64_t flows = 0;
  uint64_t undecodable = 0;  // packets
  uint64_t echoes = 0;       // packets seen on a second interface as well
  std::array<uint64_t, kNameSources> names{};  // by NameSource
  std::array<uint64_t, kBlindCauses> blind{};  // flows, by Blind
  uint64_t name_bearing_flows = 0;  // that gave a name or should have
  uint64_t refused_flows = 0;       // for want of room: they, or older ones
  uint64_t lost_fragments = 0;      // datagrams given up
  uint64_t lost_partials = 0;       // messages given up for space
  uint64_t oversized = 0;           // messages beyond a parser's limit
  uint64_t malformed = 0;           // DNS messages, hellos
  uint64_t untried_keys = 0;        // beyond kMaxKeyTrials, kMaxGlued
  uint64_t doubtful = 0;            // packets, see Doubt
  uint64_t unread_alpn = 0;         // hellos with protocols beyond kMaxAlpn
  uint64_t cut_names = 0;           // names longer than NameText holds
  uint64_t long_fronts = 0;         // text in front of a hello, too long
  uint64_t long_ids = 0;            // QUIC datagrams with ids beyond the RFC's
  uint64_t unread_answers = 0;      // DNS messages with more than is read
  uint64_t unread_datagrams = 0;    // beyond kCuriousDatagrams of a flow
  uint64_t unkept_segments = 0;     // out of order, beyond kYoungBytes
  uint64_t untapped_flows = 0;      // with packets beyond the FlowTap's first
  uint64_t forgotten_answers = 0;   // addresses and covers pushed out by others
  uint64_t cut_packets = 0;         // with more frames than are read
  uint64_t out_of_memory = 0;       // packets whose looking failed for it

  uint64_t all_names() const;
  uint64_t blind_flows() const;
};

// Not thread-safe. Call Begin for each packet first.
class Teller {
 public:
  // Protocols of a hello's ALPN that are read.
  static constexpr size_t kMaxAlpn = 16;

  // `hash_seed`: random on a live device.
  explicit Teller(ObservationSink& sink, uint64_t hash_seed = 0);

  void Begin(const platform::Packet& packet) {
    time_us_ = packet.time_us;
    frame_ = packet.frame;
    packet_bytes_ = packet.wire_bytes;
    doubtful_ = false;
  }

  // Questions of a query are told; of a response, what is learned from it is
  // kept (addresses, ECH configurations).
  void Dns(NameSource source, Transport transport, const Segment& segment,
           uint64_t flow, Bytes message);

  // The packet may give its server a hello or a request that was not told,
  // since a limit of ours was met, or two things were said in one place. No
  // browser's does.
  void Doubt() {
    if (!doubtful_) ++counters_.doubtful;
    doubtful_ = true;
  }
  bool doubtful() const { return doubtful_; }

  // A whole ClientHello of the end `side`.
  void Hello(NameSource source, Flow& flow, int side, const ClientHello& hello);

  // A request's host; the same host again in a flow is told once.
  void Http(Flow& flow, int side, Bytes host);

  // Counts the flow as blind and tells so, once. `side` sent what shows it.
  void Blame(Flow& flow, int side, Blind cause, std::string_view name = {});

  // `earlier_us`, `received`: see FlowProgress.
  void Progress(const Flow& flow, bool opened, bool closed, int64_t earlier_us,
                uint64_t received);

  // Of what was said, so that nobody can choose other words that pass for it.
  // Never 0.
  uint32_t HashOf(std::string_view bytes) const;

  int64_t time_us() const { return time_us_; }
  uint64_t frame() const { return frame_; }
  ObserverCounters& counters() { return counters_; }
  const ObserverCounters& counters() const { return counters_; }

 private:
  void LearnAnswers(DnsMessage& message);
  void Judge(NameSource source, Flow& flow, int side, const ClientHello& hello,
             std::string_view name);
  void Tell(NameSource source, Flow& flow, int side, bool ech,
            std::string_view name);
  void ReadAlpn(Bytes list);
  void SetName(Bytes host);

  ObservationSink& sink_;
  // Of SipHash.
  const std::array<uint64_t, 2> key_;
  ObserverCounters counters_;
  int64_t time_us_ = 0;
  uint32_t packet_bytes_ = 0;
  uint64_t frame_ = 0;
  bool doubtful_ = false;
  ResolvedAddresses resolved_;
  CoverNames covers_;
  DnsQuestion question_;
  NameText text_;
  std::vector<std::string_view> alpn_;
};

// Bits of Flow::marks.
inline constexpr uint8_t kMarkNameBearing = 1;
inline constexpr uint8_t kMarkSynSeen = 2;
inline constexpr uint8_t kMarkClientSure = 4;  // the client end is known
inline constexpr uint8_t kMarkDns = 8;         // DNS on a port of its own
inline constexpr uint8_t kMarkAskedFor = 64;   // name_hash is of a request
inline constexpr uint8_t kMarkWoken = 32;      // carries again, after silence
inline constexpr uint8_t kMarkTapped = 16;     // handed to the FlowTap

}  // namespace schoolgate::agent
