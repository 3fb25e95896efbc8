// What detection hands to cases: a reason to raise, or to renew, an alert.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// The rule of what is told in the daily digest and is no alert yet.
inline constexpr char kThinPattern[] = "thin_pattern";

struct Finding {
  std::string school;
  std::string rule;  // repeated_blocked, bypass, silent_device, ...
  std::string category;
  v1::Severity severity = v1::SEVERITY_UNSPECIFIED;
  std::string subject;  // pseudonym, or device id when identity is shared
  bool subject_is_person = false;
  std::string group;
  std::string device;
  std::string clause;
  absl::Time first;
  absl::Time last;
  uint32_t count = 0;    // human-paced contacts, after merging
  bool enforced = true;  // were they blocked
  // How the device graded what is counted above; opened + attempts +
  // ungraded == count for findings about contacts.
  uint32_t opened = 0;
  uint32_t attempts = 0;
  uint32_t ungraded = 0;       // blocked contacts paced like a person's
  uint32_t labels = 0;         // of the ungraded: known by their bytes
  uint32_t landed = 0;         // left at once; never part of count
  bool by_landing = false;     // one of these makes the pattern
  uint32_t services = 0;       // different services among those counted
  uint32_t devices = 0;        // class events: how many devices took part
  bool self_reported = false;  // the person reported it themselves
  bool late = false;           // arrived long after it happened
  bool joined_bypass = false;  // a filter bypass was tried just before
  // What was found earlier does not hold any more; count is 0.
  bool withdrawn = false;
  std::string detail;  // device findings: kind of tampering, cause
  std::vector<v1::AlertEvidence> evidence;
  // The school's own threshold that was reached: "2 within 15 minutes".
  std::string threshold;
  uint64_t bytes = 0;     // of a large transfer
  std::string in_favour;  // what speaks for the person
  // Findings with the same key within two school days are one alert.
  std::string key;
};

}  // namespace schoolgate::collector
