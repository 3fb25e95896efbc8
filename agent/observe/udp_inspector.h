// Finds names in datagrams: DNS and its kin, QUIC, DTLS.
#pragma once

#include "agent/observe/partial_pool.h"
#include "agent/observe/quic_initial.h"
#include "agent/observe/teller.h"

namespace schoolgate::agent {

// Not thread-safe.
class UdpInspector {
 public:
  // Datagrams at the start of a flow that are tried as anything.
  static constexpr uint8_t kCuriousDatagrams = 8;
  // Initials of one flow, one after the other, that none of the keys opened
  // that were tried.
  static constexpr uint32_t kMaxKeyTrials = 64;

  // Packets tried in datagrams that are glued together; no kernel glues more.
  static constexpr uint32_t kMaxGlued = 128;

  // `keep_hellos`: see ObserverLimits.
  UdpInspector(Teller& teller, PartialPool& partials, bool keep_hellos = false)
      : teller_(teller), partials_(partials), keep_hellos_(keep_hellos) {}

  // `side` of the flow sent this datagram.
  void OnDatagram(Flow& flow, int side, const Segment& segment);

  // Nothing more will come: see TcpInspector.
  void ReadRest(Flow& flow);

 private:
  void OnQuic(Flow& flow, int side, Bytes datagram);
  void OnGlued(Flow& flow, int side, Bytes datagrams);
  bool OnInitial(Flow& flow, int side, const QuicPacket& packet);
  Bytes OpenInitial(Flow& flow, int side, const QuicPacket& packet);
  bool MayTry(FlowSide& from);
  Bytes OpenOfOtherVersion(FlowSide& from, Partial& partial,
                           const QuicPacket& packet);
  Partial* NewConnection(Flow& flow, int side, const QuicPacket& packet,
                         const QuicKeys& keys);
  void TryCrypto(Flow& flow, int side, Partial& partial);
  void Told(Flow& flow, int side, Partial& partial, size_t bytes);
  void TryGoogleHello(Flow& flow, int side, Partial& partial, Bytes chlo);
  void OnDtls(Flow& flow, int side, Bytes datagram);
  void OnDtlsFragment(Flow& flow, int side, ByteReader message);
  bool OnGoogleQuic(Flow& flow, int side, Bytes datagram);

  Teller& teller_;
  PartialPool& partials_;
  const bool keep_hellos_;
  QuicOpener opener_;
};

}  // namespace schoolgate::agent
