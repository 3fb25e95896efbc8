// The draft of a letter to a pupil's parents or carers, from what is known of
// one case and what the school's own policy says. Nothing in it is made up, and
// it speaks of nobody else: no alias, no device, no host, no words that people
// wrote about the case. What the school did is left for a person to write.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/policy/school_policies.h"
#include "nlohmann/json.hpp"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Who writes, and what goes with every letter of the school.
struct LetterHead {
  std::string school_name;  // empty: not entered
  std::string contact;      // whom to ask; empty: not entered
  std::string writer;       // "A. Patel"
  std::string writer_role;  // "Safety lead"
  absl::Time now;
  absl::TimeZone zone = absl::UTCTimeZone();
};

struct Letter {
  std::string date;
  std::vector<std::string> before;  // paragraphs before what the school did
  std::vector<std::string> after;
  std::vector<std::string> cautions;  // for the writer, not printed
};

// FAILED_PRECONDITION says why no letter is written about this case: illegal
// material (the police decide who is told), staff, no person, a false alarm.
// `policy` may be null: then nothing of it is quoted.
absl::StatusOr<Letter> LetterToParents(const v1::Alert& alert,
                                       const v1::CompiledPolicy* policy,
                                       const LetterHead& head);

nlohmann::json LetterJson(const Letter& letter, const LetterHead& head);

}  // namespace schoolgate::collector
