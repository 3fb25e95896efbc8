// Ports of this machine's own bridges.
#pragma once

#include <cstdint>

namespace schoolgate::platform {

// Whether the interface leads into a container or a virtual machine (one end of
// a veth pair, a tun or tap device) and not to a network. False also when there
// is no such interface. Thread-safe; asks the kernel each time.
bool IsVirtualPort(uint32_t interface_index);

}  // namespace schoolgate::platform
