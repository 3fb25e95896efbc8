// For work that may take its time.
#pragma once

namespace schoolgate::platform {

// The calling thread yields to every other from now on. Where the system does
// not allow that, nothing happens.
void LowerThreadPriority();

}  // namespace schoolgate::platform
