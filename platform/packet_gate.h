// Packets that the kernel holds until we say what becomes of them: Linux's
// NFQUEUE. Which packets, the table in agent/enforce says.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/packet_source.h"

namespace schoolgate::platform {

// Where on its way the kernel stopped the packet.
enum class HeldAt : uint8_t {
  kOutput,   // sent by this machine
  kInput,    // for this machine
  kForward,  // passing through: containers, virtual machines
};

struct HeldByKernel {
  uint32_t id = 0;
  std::span<const uint8_t> bytes;  // from the IP header on; borrowed until the
                                   // next Take
  uint32_t uid = kNoUid;           // owner of the sending socket
  uint32_t mark = 0;
  HeldAt at = HeldAt::kOutput;
  uint32_t bridged_to = 0;  // index of the bridge's port that it leaves by
  bool segmented = false;   // several datagrams in one (UDP_SEGMENT)
};

// Not thread-safe. While the socket behind it is open anywhere, every packet
// sent to its queue waits for a verdict; when the last holder closes it, the
// kernel drops what waits.
class PacketGate {
 public:
  virtual ~PacketGate() = default;

  // False when nothing came within `patience`. Packets are read some at a
  // time, and verdicts given together: at the latest before more is read.
  virtual bool Take(absl::Duration patience, HeldByKernel* held) = 0;

  // Lets the packet on, with `mark` set on it.
  virtual void Accept(uint32_t id, uint32_t mark) = 0;

  // Lets `instead` on in its place, with `mark`. At kOutput the kernel routes
  // it anew, so a question may be turned into its answer.
  virtual void Replace(uint32_t id, uint32_t mark,
                       std::span<const uint8_t> instead) = 0;

  virtual void Drop(uint32_t id) = 0;

  // Gives the verdicts that still wait.
  virtual void Flush() {}

  // Whether the next Take gives one that was read already: poll(2) does not
  // tell of it.
  virtual bool buffered() const { return false; }

  // Whether the last read took all that had come: poll(2) tells of the rest.
  virtual bool drained() const { return false; }

  // For poll(2).
  virtual int descriptor() const = 0;

  // Packets that did not fit into the kernel's queue, since it was bound: also
  // under those who held it before us.
  virtual uint64_t overflowed() const = 0;
};

// What becomes of packets that another process had read and never judged.
enum class Unjudged : uint8_t {
  kAskAgain,  // they come to us as if new
  kDrop,      // one of them may have been what that process died of
};

// PERMISSION_DENIED without CAP_NET_ADMIN; ALREADY_EXISTS when another program
// holds the queue.
absl::StatusOr<std::unique_ptr<PacketGate>> OpenPacketGate(uint16_t queue);

// Goes on with the queue socket of a process that has died, which somebody
// kept open: what came meanwhile is there to Take. Owns the descriptor from
// the call on, also on failure. FAILED_PRECONDITION when it is no such socket.
absl::StatusOr<std::unique_ptr<PacketGate>> AdoptPacketGate(uint16_t queue,
                                                            int descriptor,
                                                            Unjudged unjudged);

}  // namespace schoolgate::platform
