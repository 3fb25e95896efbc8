// QUIC long headers and the Initial packets of a client: RFC 9000, 9001, 9369
// and the drafts since 22. Initials are protected with keys that anybody can
// compute from the packet itself.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/capture/byte_assembler.h"
#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

enum class QuicType : uint8_t {
  kInitial,
  kZeroRtt,
  kHandshake,
  kRetry,
  kVersionNegotiation
};

// One packet of a datagram. Views borrow the datagram.
struct QuicPacket {
  QuicType type = QuicType::kInitial;
  uint32_t version = 0;
  Bytes destination;  // connection ids
  Bytes source;
  bool has_token = false;
  Bytes bytes;               // the packet from its first byte to its last
  size_t number_offset = 0;  // where the protected packet number starts
};

inline constexpr size_t kMaxConnectionIdBytes = 20;

// Cheap: whether a datagram may start with a long header of a version whose
// Initials can be opened.
bool LooksLikeQuic(Bytes datagram);

// Reads the packet at the start of `datagram`; what follows packet->bytes is
// the next coalesced one. False when there is none.
bool ReadQuicPacket(Bytes datagram, QuicPacket* packet);

// Whether only a connection id longer than kMaxConnectionIdBytes keeps it from
// being read.
bool HasLongId(Bytes datagram);

// Kernels are given several datagrams in one (UDP_SEGMENT) and show them so.
// Whether there may be an Initial behind another datagram: a client fills 1200
// bytes for one (RFC 9000, 14.1), and all but the last are of one size.
bool MayBeGlued(Bytes datagrams);

// From the next byte on at which an Initial of a version that servers speak may
// begin; empty when there is none.
Bytes FindInitial(Bytes datagrams);

// What protects the Initials of one version.
struct QuicProfile;

// The profiles worth trying for a version, likeliest first.
std::span<const QuicProfile* const> ProfilesFor(uint32_t version);

struct QuicKeys {
  std::array<uint8_t, 16> key{};
  std::array<uint8_t, 12> iv{};
  std::array<uint8_t, 16> header{};
};

// Computes keys and opens packets; owns the cipher contexts. Not thread-safe.
class QuicOpener {
 public:
  QuicOpener();
  ~QuicOpener();
  QuicOpener(const QuicOpener&) = delete;
  QuicOpener& operator=(const QuicOpener&) = delete;

  // The client's keys for a connection whose first packet was sent to
  // `connection_id`.
  QuicKeys ClientKeys(const QuicProfile& profile, Bytes connection_id);

  // The frames of an Initial, or empty when it was not made with these keys.
  // Valid until the next call.
  Bytes Open(const QuicKeys& keys, const QuicPacket& packet);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
  std::vector<uint8_t> plain_;
};

enum class Collected : uint8_t {
  kTaken,
  kBroken,  // the frames are, or a limit of `crypto` refuses a piece
  kOther    // in the place of bytes that were there come different ones
};

// Collects the CRYPTO frames; where one is broken, those before it. Bytes that
// are there stay.
Collected CollectCrypto(Bytes frames, ByteAssembler* crypto);

}  // namespace schoolgate::agent
