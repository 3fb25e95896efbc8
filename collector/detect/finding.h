// What detection hands to cases: a reason to raise, or to renew, an alert.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

struct Finding {
  std::string school;
  std::string rule;         // repeated_blocked, bypass, silent_device, ...
  std::string category;
  v1::Severity severity = v1::SEVERITY_UNSPECIFIED;
  std::string subject;      // pseudonym, or device id when identity is shared
  bool subject_is_person = false;
  std::string group;
  std::string device;
  std::string clause;
  absl::Time first;
  absl::Time last;
  uint32_t count = 0;       // human-paced contacts, after merging
  bool enforced = true;     // were they blocked
  std::vector<v1::AlertEvidence> evidence;
  std::string in_favour;    // what speaks for the person
  // Findings with the same key within two school days are one alert.
  std::string key;
};

}  // namespace schoolgate::collector
