// The packet filter table that copies each flow's first packets to a log
// group, and leaves bulk alone: one private `inet` table, put in place and
// taken away whole over netlink. It holds back, changes and marks nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// What a copied packet says in its prefix: empty for a packet of its own;
// "xN" for one of N, of which the others are not copied.
inline constexpr uint16_t kSampleSoon = 16;    // up to kSoonPackets
inline constexpr uint16_t kSampleLater = 256;  // from there on
inline constexpr uint32_t kSoonPackets = 1024;
// Copied whole: hellos in pieces, HelloRetryRequest, STARTTLS, proxies.
inline constexpr uint32_t kFirstAsked = 32;
inline constexpr uint32_t kFirstAnswered = 16;
// Of a sample only the headers are copied.
inline constexpr uint32_t kSampleBytes = 128;

// Not thread-safe. The table goes when the object goes; where the kernel knows
// owned tables (5.12) also when the process is killed and nobody else holds
// `descriptor()`, and nobody else can flush it.
class LogTable {
 public:
  virtual ~LogTable() = default;

  // The socket that owns the table.
  virtual int descriptor() const = 0;

  // From now on the table outlives this object, for as long as somebody holds
  // the socket. Taking a table away makes the kernel drop every packet that
  // waits in any queue of its: not while the gate is started again.
  virtual void Leave() = 0;

  // Puts the table back when somebody has flushed it. True when it stood.
  virtual bool Keep() = 0;
};

// PERMISSION_DENIED without CAP_NET_ADMIN; UNIMPLEMENTED when the kernel
// cannot log packets or count them; ALREADY_EXISTS when another living agent
// owns a table of that name. `kept` is the socket of an earlier table, owned
// from the call on, or -1: what stands and is the same is left alone.
absl::StatusOr<std::unique_ptr<LogTable>> InstallLogTable(
    const std::string& name, uint16_t group, int kept = -1);

}  // namespace schoolgate::platform
