// A release on its way to devices in rings: first on trial, then one device,
// then one in twenty, then all. Pure logic; RulesOut keeps it on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/time/time.h"
#include "collector/store/device_store.h"

namespace schoolgate::collector {

struct ShelvedBundle {
  uint64_t version = 0;
  std::string hash;  // BLAKE2b-256 of the file, raw
  uint64_t size_bytes = 0;
};

enum class Ring { kTrial, kOne, kFew, kAll };
// "trial", "one device", "1 in 20", "all".
const char* RingName(Ring ring);

struct Rollout {
  ShelvedBundle bundle;
  Ring ring = Ring::kOne;
  absl::Time since = absl::InfinitePast();  // of this ring
  absl::Duration soak = absl::Minutes(30);  // in each ring
  absl::Duration trial;                     // zero: none
  std::string canary;                       // the one device
  bool paused = false;
  std::string why;  // it was paused, in words
  // The old content as a newer version, signed beforehand: what everybody
  // gets when the release is rolled back. Version 0: none.
  ShelvedBundle fallback;
};

std::string RolloutText(const Rollout& rollout);
// Nothing for what is no such text.
std::optional<Rollout> ReadRollout(const std::string& text);

// Whether the device has its turn by now. On trial: those of the ring of one
// in twenty. Which they are differs from release to release.
bool InRing(const Rollout& rollout, const std::string& device);

struct RingReport {
  size_t devices = 0;  // whose turn it is, not retired
  size_t have_it = 0;  // enforce it (or judge by it, on trial)
  size_t in_trouble = 0;
  // What those who have it judged and refused, and what the others did.
  uint64_t judged = 0, blocked = 0;
  uint64_t others_judged = 0, others_blocked = 0;
  std::string trouble;  // the first device's, in words
};

RingReport ReportOn(const Rollout& rollout, std::span<const Device> devices);

enum class Step { kWait, kGoOn, kHalt };

// What is to be done now; *why says it for kHalt. Goes on when the ring's
// time is over and somebody there has the release; halts when a device there
// is in trouble with it, or far more is refused than elsewhere.
Step NextStep(const Rollout& rollout, const RingReport& report, absl::Time now,
              std::string* why);

}  // namespace schoolgate::collector
