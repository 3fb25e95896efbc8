#include "collector/store/device_store.h"

namespace schoolgate::collector {

const char* StateWord(DeviceState state) {
  switch (state) {
    case DeviceState::kActive:
      return "active";
    case DeviceState::kQuarantined:
      return "quarantined";
    case DeviceState::kBanned:
      return "banned";
    case DeviceState::kDecommissioned:
      return "decommissioned";
  }
  return "unknown";
}

}  // namespace schoolgate::collector
