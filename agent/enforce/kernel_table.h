// The packet filter table that brings a flow's first packets to the gate and
// keeps the gate's verdicts: one private `inet` table, put in place and taken
// away whole over netlink. No other program is needed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct mnl_socket;

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
// On a TCP connection: judged to pass; runs when its server has said its hello,
// or the gate sees that it was answered.
inline constexpr uint32_t kMarkAwaited = kMarkPass | kMarkWatch;
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
  // The table belongs to the TableSocket: others can neither flush nor change
  // it, and it goes when the last holder of that socket has closed it. Where
  // the kernel does not know owners (before 5.12) the table is anybody's.
  bool owned = true;
};

// The netlink socket through which a table is put in place. A resource: close
// it last. It may be kept open across processes, as the queue's.
class TableSocket {
 public:
  static absl::StatusOr<std::unique_ptr<TableSocket>> Open();

  // Owns the descriptor from the call on, also on failure.
  static absl::StatusOr<std::unique_ptr<TableSocket>> Adopt(int descriptor);

  ~TableSocket();
  TableSocket(const TableSocket&) = delete;
  TableSocket& operator=(const TableSocket&) = delete;

  int descriptor() const;
  mnl_socket* get() const { return socket_; }

 private:
  explicit TableSocket(mnl_socket* socket) : socket_(socket) {}

  mnl_socket* const socket_;
};

// Replaces whatever stands under that name, atomically; leaves alone what is
// the same and ours. Packets that are held when a table is replaced are lost:
// judge them first. PERMISSION_DENIED
// without CAP_NET_ADMIN or when the table belongs to another; UNIMPLEMENTED
// when the kernel has no queue action.
absl::Status InstallKernelTable(const KernelTableOptions& options,
                                TableSocket& socket);

// Whether exactly this table is there and belongs to the socket, so that it
// will go with it.
bool OwnKernelTableStands(const KernelTableOptions& options,
                          TableSocket& socket);

// OK also when there was none. PERMISSION_DENIED while a living agent owns it.
absl::Status RemoveKernelTable(const std::string& name, TableSocket& socket);

}  // namespace schoolgate::agent
