// How far the agent goes: watch, judge, or stop.
#pragma once

#include <cstdint>
#include <string_view>

namespace schoolgate::agent {

// In ascending order of what is done to packets.
enum class GateMode : uint8_t {
  kObserve,  // no queue, no table: packets are only watched
  kShadow,   // everything is judged, nothing is stopped
  kEnforce,
};

// "observe", "shadow", "enforce"; also the policy's words.
constexpr std::string_view GateModeName(GateMode mode) {
  switch (mode) {
    case GateMode::kObserve:
      break;
    case GateMode::kShadow:
      return "shadow";
    case GateMode::kEnforce:
      return "enforce";
  }
  return "observe";
}

// Observe for every other word.
constexpr GateMode GateModeNamed(std::string_view name) {
  if (name == "enforce") return GateMode::kEnforce;
  if (name == "shadow") return GateMode::kShadow;
  return GateMode::kObserve;
}

}  // namespace schoolgate::agent
