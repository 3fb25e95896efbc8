// Whether an event shows that a person was at the device.
#pragma once

#include "proto/event.pb.h"

namespace schoolgate::collector {

// Nothing that runs by itself, and nothing behind a locked screen.
bool IsUse(const v1::Event& event);

}  // namespace schoolgate::collector
