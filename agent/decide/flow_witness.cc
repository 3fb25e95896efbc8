#include "agent/decide/flow_witness.h"

#include <algorithm>
#include <functional>

#include "agent/labels/protocol_meaning.h"

namespace schoolgate::agent {
namespace {

uint64_t HashText(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

uint64_t HashEnd(const Endpoint& end) {
  return HashText(
      {reinterpret_cast<const char*>(end.address.data()), end.address.size()});
}

// A server of the house (files, printing, backup) may well carry everything
// for a while without a name being asked.
bool IsLocal(const Endpoint& end) {
  const auto& a = end.address;
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0,    0,
                                                      0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kMapped.begin(), kMapped.end(), a.begin())) {
    const bool loopback =
        std::all_of(a.begin(), a.end() - 1, [](uint8_t b) { return b == 0; });
    return loopback || (a[0] & 0xfe) == 0xfc || a[0] == 0xff ||
           (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
  }
  return a[12] == 10 || a[12] == 127 || a[12] == 0 || a[12] >= 224 ||
         (a[12] == 172 && (a[13] & 0xf0) == 16) ||
         (a[12] == 192 && a[13] == 168) || (a[12] == 169 && a[13] == 254) ||
         (a[12] == 100 && (a[13] & 0xc0) == 64);
}

}  // namespace

std::string_view SignName(size_t bit) {
  static constexpr std::string_view kNames[kSigns] = {
      "tunnel_behind_name", "name_never_asked", "dominant_while_silent"};
  return kNames[bit];
}

bool IsWellKnown(const rules::Decision& decision) {
  const auto& listed = decision.categories;
  return !listed.empty() &&
         std::find(listed.begin(), listed.end(), "bypass") == listed.end();
}

FlowWitness::Desk& FlowWitness::DeskOf(const Endpoint& end) {
  const uint64_t key = HashEnd(end);
  if (const auto known = desks_.find(key); known != desks_.end()) {
    return known->second;
  }
  // A device is one or few; only a capture of a network has more than this.
  if (desks_.size() >= kMostDesks) {
    counters_.forgotten_desks += desks_.size();
    desks_.clear();
  }
  return desks_[key];
}

FlowWitness::Known& FlowWitness::KnownOf(FlowId flow, int64_t now_us) {
  if (Known* known = flows_.Find(flow, now_us)) return *known;
  return *flows_.Put(flow, Known{}, now_us);
}

void FlowWitness::OnName(const Observation& seen, bool well_known) {
  const int64_t now_us = seen.time_us;
  Desk& desk = DeskOf(seen.src);
  desk.last_name_us = now_us;
  ++desk.silence;
  desk.silent_bytes = 0;
  const uint64_t hash = HashText(seen.name);
  if (seen.source == NameSource::kDns) {
    ++desk.questions;
    asked_.Put(hash, true, now_us);
    return;
  }
  if (seen.source != NameSource::kTls && seen.source != NameSource::kQuic) {
    return;
  }
  Known& known = KnownOf(seen.flow, now_us);
  known.named = true;
  known.well_known = well_known;
  const bool trusted = desk.questions >= kQuestionsToTrust;
  if (!known.never_asked && trusted && seen.unresolved &&
      asked_.Find(hash, now_us) == nullptr) {
    known.never_asked = true;
    Count(kSignNameNeverAsked);
  }
}

std::optional<FlowFinding> FlowWitness::OnLabel(const Observation& label) {
  const ProtocolMeaning meaning = MeaningOf(label.protocol);
  Known& known = KnownOf(label.flow, label.time_us);
  known.harmless = !meaning.tunnel();
  if (meaning.category.empty()) return std::nullopt;
  if (meaning.category == "file-sharing" && !EnoughPeers(label)) {
    ++counters_.few_peers;
    return std::nullopt;
  }
  FlowFinding finding{.category = meaning.category, .signs = 0};
  if (meaning.tunnel()) {
    if (known.well_known) {
      finding.signs |= kSignTunnelBehindName;
      Count(kSignTunnelBehindName);
    }
    if (known.never_asked) finding.signs |= kSignNameNeverAsked;
  }
  return finding;
}

bool FlowWitness::EnoughPeers(const Observation& label) {
  Desk& desk = DeskOf(label.src);
  const int64_t passed = label.time_us - desk.peers_since_us;
  if (passed < 0 || passed > kPeersWithinUs) {
    desk.peer_count = 0;
    desk.peers_since_us = label.time_us;
  }
  const uint64_t peer = HashEnd(label.dst);
  const auto end = desk.peers.begin() + static_cast<long>(desk.peer_count);
  if (std::find(desk.peers.begin(), end, peer) == end) {
    if (desk.peer_count < kMostPeers) {
      desk.peers[desk.peer_count++] = peer;
    } else {
      ++counters_.unkept_peers;
    }
  }
  return desk.peer_count >= kPeersToTell;
}

std::optional<FlowFinding> FlowWitness::OnFlow(const FlowProgress& progress) {
  if (IsLocal(progress.server)) return std::nullopt;
  const int64_t now_us = progress.time_us;
  Desk& desk = DeskOf(progress.client);
  const bool fresh = flows_.Find(progress.flow, now_us) == nullptr;
  Known& known = KnownOf(progress.flow, now_us);
  const uint64_t total = progress.sent_bytes + progress.received_bytes;
  if (fresh) {
    // Of a flow that was there before its desk was known, or has been
    // forgotten since, nobody can say whether it has a name.
    known.harmless = !progress.opened || desk.questions < kQuestionsToTrust;
    if (!progress.opened) known.total_bytes = total;
  }
  const uint64_t more = total - std::min(total, known.total_bytes);
  known.total_bytes = total;
  if (known.silence != desk.silence) {
    known.silence = desk.silence;
    known.silent_bytes = 0;
  }
  known.silent_bytes += more;
  desk.silent_bytes += more;
  // Also when the clock was set back: silence is counted from then on.
  if (desk.last_name_us == 0 || desk.last_name_us > now_us + kOutOfOrderUs) {
    desk.last_name_us = now_us;
  }
  const bool dominant =
      known.silent_bytes >= kDominantBytes &&
      known.silent_bytes / kDominantPercent >= desk.silent_bytes / 100;
  const bool silent = desk.questions >= kQuestionsToTrust &&
                      now_us - desk.last_name_us >= kSilenceUs;
  if (!dominant || !silent || known.told || known.harmless ||
      (known.named && !known.never_asked)) {
    return std::nullopt;
  }
  known.told = true;
  Count(kSignDominantWhileSilent);
  uint8_t signs = kSignDominantWhileSilent;
  if (known.never_asked) signs |= kSignNameNeverAsked;
  return FlowFinding{.category = "bypass", .signs = signs};
}

WitnessCounters FlowWitness::counters() const {
  WitnessCounters counters = counters_;
  counters.forgotten = flows_.forced_out() + asked_.forced_out();
  return counters;
}

void FlowWitness::Count(uint8_t signs) {
  for (size_t bit = 0; bit < kSigns; ++bit) {
    if ((signs >> bit & 1) != 0) ++counters_.signs[bit];
  }
}

}  // namespace schoolgate::agent
