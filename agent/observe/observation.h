// What the observer tells: who asked for which name, once, and how much went
// over the flow that carried it. From here on nobody sees a packet.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "platform/packet_source.h"

namespace schoolgate::agent {

enum class NameSource : uint8_t {
  kDns,
  kMdns,
  kLlmnr,
  kTls,
  kQuic,
  kHttp,
  kFlow
};
enum class Transport : uint8_t { kUdp, kTcp };

// An address is 16 bytes; IPv4 is kept as ::ffff:a.b.c.d.
struct Endpoint {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

// Numbers flows within one observer; 0 means "no flow".
using FlowId = uint64_t;

// Views are borrowed for the call.
struct Observation {
  int64_t time_us = 0;  // since 1970
  uint64_t frame = 0;   // the packet that completed the name
  NameSource source = NameSource::kDns;
  Transport transport = Transport::kUdp;
  bool ech = false;       // hello carries encrypted_client_hello or ESNI
  uint16_t qtype = 0;     // DNS only
  std::string_view name;  // lower case, no trailing dot, RFC 1035 escapes
  Endpoint src;           // who asked
  Endpoint dst;
  // TLS and QUIC: the server's address was in no answer, though answers are
  // seen.
  bool unresolved = false;
  std::span<const std::string_view> alpn;
  std::string_view protocol;        // nDPI's label, for kFlow
  uint32_t uid = platform::kNoUid;  // owner of the asking socket, when known
  FlowId flow = 0;
};

// Bytes over a flow so far, told when it opens, about once a second while
// bytes pass, and when it closes. IP lengths, not captured lengths.
struct FlowProgress {
  int64_t time_us = 0;
  FlowId flow = 0;
  Transport transport = Transport::kTcp;
  Endpoint client;
  Endpoint server;
  uint64_t sent_bytes = 0;      // by the client
  uint64_t received_bytes = 0;  // by the client
  bool opened = false;          // first word of this flow
  bool closed = false;          // last word
  uint32_t uid = platform::kNoUid;
  uint32_t packet_bytes = 0;  // IP length of the packet this is told at
  // Not every packet is told. What came since the last word came with this
  // packet as far as packet_received goes, and the rest by earlier_us.
  uint64_t packet_received = 0;
  int64_t earlier_us = 0;  // when the packet before this one came
};

enum class Blind : uint8_t;  // blindness.h

class ObservationSink {
 public:
  virtual ~ObservationSink() = default;
  virtual void OnName(const Observation& observation) = 0;
  virtual void OnFlow(const FlowProgress& progress) {}

  // A flow hides what it is for, told once for each. The name is empty, or
  // what stands in for the hidden one.
  virtual void OnBlind(Blind cause, const Observation& flow) {}
};

}  // namespace schoolgate::agent
