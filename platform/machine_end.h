// Whether the machine as a whole is being switched off.
#pragma once

namespace schoolgate::platform {

// As the service manager says; also true when it cannot be asked, for then it
// most likely is. Waits for at most a second.
bool MachineGoesDown();

}  // namespace schoolgate::platform
