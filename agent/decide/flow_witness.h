// What a flow's label means beside everything else that is known of it: which
// name it showed, whether anybody asked for that name, whether the device went
// silent over it. Tells tunnels from what only looks like one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "agent/decide/recent_map.h"
#include "agent/observe/observation.h"
#include "rules/decide.h"

namespace schoolgate::agent {

// What speaks against a flow. Bits.
enum Sign : uint8_t {
  // The bytes are a tunnel's, the name is a well-known one of another kind.
  kSignTunnelBehindName = 1,
  // The hello's name was in no question, its address in no answer, although
  // questions and answers are seen.
  kSignNameNeverAsked = 2,
  // Nearly everything goes over this flow, and no name is asked meanwhile.
  kSignDominantWhileSilent = 4,
};
inline constexpr size_t kSigns = 3;
// "tunnel_behind_name", ...
std::string_view SignName(size_t bit);

// Listed by the rules, and not as a way round them.
bool IsWellKnown(const rules::Decision& decision);

struct FlowFinding {
  std::string_view category;  // of the policy
  uint8_t signs = 0;
};

struct WitnessCounters {
  std::array<uint64_t, kSigns> signs{};  // flows, by bit
  uint64_t few_peers = 0;  // file-sharing labels with too few peers to tell
  uint64_t forgotten = 0;  // flows and names, pushed out by others
  uint64_t forgotten_desks = 0;
  uint64_t unkept_peers = 0;
};

// Not thread-safe; told the time. Keeps hashes of names, never names.
class FlowWitness {
 public:
  // File sharing talks to many; a single flow may be a mistaken label.
  static constexpr size_t kPeersToTell = 3;
  static constexpr int64_t kPeersWithinUs = 300'000'000;
  static constexpr int64_t kSilenceUs = 600'000'000;
  static constexpr uint64_t kDominantBytes = 5'000'000;
  static constexpr uint64_t kDominantPercent = 90;
  // Questions seen before a name that was not asked for says anything.
  static constexpr uint64_t kQuestionsToTrust = 20;
  // What is remembered at most: flows, four times as many names asked for,
  // addresses that ask, and peers of each.
  static constexpr size_t kMostFlows = 8192;
  static constexpr size_t kMostDesks = 256;
  static constexpr size_t kMostPeers = 16;

  // A name. `well_known`: the rules list it, and not as a way round them.
  void OnName(const Observation& seen, bool well_known);

  // A label (source kFlow). Nothing: it means nothing to a policy, or not yet.
  std::optional<FlowFinding> OnLabel(const Observation& label);

  // Nothing, or once a flow: it dominates while no name is asked.
  std::optional<FlowFinding> OnFlow(const FlowProgress& progress);

  WitnessCounters counters() const;

 private:
  static constexpr int64_t kKeepUs = 7'200'000'000;

  struct Known {
    uint64_t total_bytes = 0;   // when last told
    uint64_t silent_bytes = 0;  // since the desk's last name
    uint64_t silence = 0;       // which silence that was
    bool named = false;
    bool well_known = false;
    bool never_asked = false;
    bool harmless = false;  // its label says what it is
    bool told = false;
  };
  // What one address does.
  struct Desk {
    uint64_t questions = 0;
    int64_t last_name_us = 0;
    uint64_t silence = 0;  // counts the names
    uint64_t silent_bytes = 0;
    std::array<uint64_t, kMostPeers> peers{};  // hashes
    size_t peer_count = 0;
    int64_t peers_since_us = 0;
  };

  Desk& DeskOf(const Endpoint& end);
  Known& KnownOf(FlowId flow, int64_t now_us);
  bool EnoughPeers(const Observation& label);
  void Count(uint8_t signs);

  std::unordered_map<uint64_t, Desk> desks_;
  RecentMap<FlowId, Known> flows_{kKeepUs, kMostFlows};
  RecentMap<uint64_t, bool> asked_{kKeepUs, 4 * kMostFlows};
  WitnessCounters counters_;
};

}  // namespace schoolgate::agent
