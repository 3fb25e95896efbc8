// The packet filter table that brings a flow's first packets to the gate and
// keeps the gate's verdicts: one private `inet` table, put in place and taken
// away whole over netlink. No other program is needed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace schoolgate::agent {

// Bits of the packet and connection mark. The lower bits belong to others
// (VPNs, container networks) and are never touched.
inline constexpr uint32_t kMarkPass = 0x10000000;   // judged: let it run
inline constexpr uint32_t kMarkBlock = 0x20000000;  // judged: cut it
inline constexpr uint32_t kMarkBits = kMarkPass | kMarkBlock;

struct KernelTableOptions {
  std::string name = "schoolgate";
  uint16_t queue = 7077;
  // Packets pass when nobody holds the queue. Off in normal service: then
  // nothing leaks while the gate restarts, and its keeper opens the network
  // when it cannot.
  bool open_without_gate = false;
};

// Replaces whatever stands under that name, atomically. PERMISSION_DENIED
// without CAP_NET_ADMIN; UNIMPLEMENTED when the kernel has no queue action.
absl::Status InstallKernelTable(const KernelTableOptions& options);

// OK also when there was none.
absl::Status RemoveKernelTable(const std::string& name);

// Whether the table is there: somebody may have flushed all rules.
bool KernelTableStands(const std::string& name);

}  // namespace schoolgate::agent
