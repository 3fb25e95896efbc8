// Marks connections that the kernel already lets run, and says which are over:
// Linux's connection tracking. What a mark means, the table in agent/enforce
// says.
#pragma once

#include <cstdint>
#include <memory>

#include "platform/socket_owner.h"

namespace schoolgate::platform {

// Not thread-safe.
class FlowMarker {
 public:
  virtual ~FlowMarker() = default;

  // Sets the bits of `mask` in the mark of the connection that `local` opened
  // to `remote` to those of `mark`. False when there is no such connection
  // (any more), or the kernel does not let us.
  virtual bool Mark(bool tcp, const SocketAddress& local,
                    const SocketAddress& remote, uint32_t mark,
                    uint32_t mask) = 0;

  // Whether the kernel says that this connection is over: it knows none such,
  // or both ends have closed it.
  virtual bool IsOver(bool tcp, const SocketAddress& local,
                      const SocketAddress& remote) = 0;
};

// Needs CAP_NET_ADMIN to mark and to ask. UNAVAILABLE when the kernel has no
// ctnetlink.
absl::StatusOr<std::unique_ptr<FlowMarker>> OpenFlowMarker();

}  // namespace schoolgate::platform
