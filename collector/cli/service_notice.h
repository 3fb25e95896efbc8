// Telling the service manager how we are: systemd's notify protocol.
#pragma once

#include <string_view>

namespace schoolgate::collector {

// "READY=1", "STOPPING=1", "WATCHDOG=1". Nothing happens when no service
// manager asked.
void NotifyServiceManager(std::string_view state);

}  // namespace schoolgate::collector
