// Facts about this machine and this boot.
#pragma once

#include <string>

namespace schoolgate::platform {

// The kernel's id of this boot, a UUID; empty when it does not say.
std::string BootId();

std::string HostName();

// What tells this machine's board from another: the firmware's number, or
// where only root may read it the installation's. Empty when there is neither.
std::string HardwareNumber();

}  // namespace schoolgate::platform
