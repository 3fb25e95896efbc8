// Facts about this machine and this boot.
#pragma once

#include <string>

namespace schoolgate::platform {

// The kernel's id of this boot, a UUID; empty when it does not say.
std::string BootId();

std::string HostName();

}  // namespace schoolgate::platform
