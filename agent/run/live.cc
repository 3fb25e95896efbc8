#include "agent/run/live.h"

#include "agent/run/live_agent.h"

namespace schoolgate::agent {

absl::Status RunLive(const AgentConfig& config, const platform::Clock& clock,
                     const std::atomic<bool>& stop) {
  LiveAgent agent(config, clock);
  if (absl::Status status = agent.Start(); !status.ok()) return status;
  return agent.Run(stop);
}

}  // namespace schoolgate::agent
