// Judges what a spool kept: every acknowledgement is an obligation.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/spool/model_collector.h"
#include "agent/spool/spool_writer.h"
#include "proto/seal/keys.h"

namespace schoolgate::tests {

inline constexpr char kCrashDevice[] = "D-4KQ7X2M9";

// An event that can be told from all others.
inline v1::Event Numbered(uint64_t number, size_t padding) {
  v1::Event event;
  event.mutable_tamper()->set_kind(std::to_string(number));
  event.mutable_tamper()->set_detail(std::string(padding, 'x'));
  return event;
}

struct Oracle {
  seal::SigningKey device = seal::SigningKey::Generate();
  seal::BoxKey collector_key = seal::BoxKey::Generate();
  agent::ModelCollector collector{collector_key, kCrashDevice,
                                  device.public_key()};
  // (epoch, sequence) of what was promised to be kept, and its number.
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> promised;
  // Something was told lost by its number only, not by its place.
  mutable bool by_count = false;

  agent::SpoolOptions Options(bool tight) const {
    agent::SpoolOptions options;
    options.device = kCrashDevice;
    options.collector_key = collector_key.public_key();
    options.boot_id = "boot";
    options.segment_bytes = 4096;
    options.quota_bytes = tight ? 32 * 1024 : 512 << 20;
    return options;
  }

  // "" or what was broken. `may_evict`: losses that a Gap tells of are fine.
  std::string Judge(bool may_evict) const {
    std::map<uint64_t, uint64_t> number_by_epoch;
    std::set<uint64_t> seen;
    for (const auto& [place, event] : collector.events()) {
      if (!event.has_tamper()) continue;
      const uint64_t number = std::stoull(event.tamper().kind());
      if (!seen.insert(number).second) {
        return "doubled: event " + std::to_string(number);
      }
      uint64_t& before = number_by_epoch[place.first];
      if (number <= before) {
        return "out of order: event " + std::to_string(number);
      }
      before = number;
    }
    uint64_t untold = 0;
    std::string first;
    for (const auto& [place, number] : promised) {
      const auto found = collector.events().find(place);
      if (found != collector.events().end()) {
        if (found->second.tamper().kind() == std::to_string(number)) continue;
        return "another event came in the place of " + std::to_string(number);
      }
      if (may_evict && Told(place)) continue;
      ++untold;
      if (first.empty()) {
        first = "lost: event " + std::to_string(number) + " (epoch " +
                std::to_string(place.first) + ", sequence " +
                std::to_string(place.second) + ")";
      }
    }
    // Where more kinds of loss came together than there is room for, the count
    // is told and not the range.
    if (!may_evict || untold > ToldWithoutRange()) return first;
    by_count = untold > 0;
    return "";
  }

  bool Told(std::pair<uint64_t, uint64_t> place) const {
    for (const v1::Event& event : collector.arrived()) {
      if (event.has_gap() && event.gap().epoch() == place.first &&
          event.gap().first_sequence() <= place.second &&
          place.second <= event.gap().last_sequence()) {
        return true;
      }
    }
    return false;
  }

  uint64_t ToldWithoutRange() const {
    uint64_t events = 0;
    for (const v1::Event& event : collector.arrived()) {
      if (event.has_gap() && event.gap().epoch() == 0) {
        events += event.gap().events();
      }
    }
    return events;
  }
};

// One run; "" or what was broken. `*fired` counts crashes that happened.
std::string KillRun(const std::string& folder, std::string_view point,
                    uint64_t seed, int* fired);
std::string PowerRun(uint64_t seed, bool* by_count);

}  // namespace schoolgate::tests
