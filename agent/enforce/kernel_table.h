// The packet filter table that brings a flow's first packets to the gate and
// keeps the gate's verdicts: one private `inet` table, put in place and taken
// away whole over netlink. No other program is needed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace schoolgate::agent {

// Bits of the packet and connection mark. The others belong to others (VPNs,
// container networks) and are never touched. Ours are bits that no VPN's mark
// has set: wg-quick 0xca6c, Mullvad 0x6d6f6c65, Tailscale 0xff0000, docker and
// Kubernetes 0xc000.
inline constexpr uint32_t kMarkPass = 0x10000000;   // judged: let it run
inline constexpr uint32_t kMarkBlock = 0x80000000;  // judged: cut it
// UDP: bring the flow's other packets, too: more questions, or an answer that
// is to be changed. TCP: the first payload is still to come; on a packet: this
// is it, which gives its place in the stream.
inline constexpr uint32_t kMarkWatch = 0x02000000;
inline constexpr uint32_t kMarkBits = kMarkPass | kMarkBlock | kMarkWatch;
// On a connection: refused, and its client has been answered.
inline constexpr uint32_t kMarkAnswered = kMarkPass | kMarkBlock;
// On a packet: sent by the gate itself, not to be judged.
inline constexpr uint32_t kMarkOurs = kMarkBits;

struct KernelTableOptions {
  std::string name = "schoolgate";
  uint16_t queue = 7077;
  // Packets pass when nobody holds the queue. Off in normal service: then
  // nothing leaks while the gate restarts, and its keeper opens the network
  // when it cannot.
  bool open_without_gate = false;
  // Also what this machine forwards: containers, virtual machines.
  bool forwarded = false;
};

// Replaces whatever stands under that name, atomically. PERMISSION_DENIED
// without CAP_NET_ADMIN; UNIMPLEMENTED when the kernel has no queue action.
absl::Status InstallKernelTable(const KernelTableOptions& options);

// OK also when there was none.
absl::Status RemoveKernelTable(const std::string& name);

// Whether the table is there: somebody may have flushed all rules.
bool KernelTableStands(const std::string& name);

}  // namespace schoolgate::agent
