// How often alerts of a kind were right, by what people said when they closed
// them, and which kinds wait for the digest.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/agreement_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// "repeated_contacts/gambling"
std::string KindOf(const v1::Alert& alert);

// Whether alerts of this kind may ever wait: illegal material never does, nor
// what somebody who needs help may have left.
bool MayWait(const v1::Alert& alert);

struct KindPrecision {
  std::string kind;
  std::string title;  // of its newest alert
  bool may_wait = true;
  uint64_t alerts = 0;  // raised
  uint64_t right = 0;   // closed, and something was there
  uint64_t wrong = 0;   // closed as a false alarm
  // 95 % interval of right / (right + wrong), after Wilson; 0 and 1 without
  // any verdict.
  double low = 0, high = 1;
};

// By kind, the most alerts first. The alerts must be those that the reader may
// see.
std::vector<KindPrecision> PrecisionOf(std::span<const v1::Alert> alerts);

// Whether alerts of this kind wait where nobody has agreed on anything: what is
// not yet a pattern of several days does.
bool WaitsByItself(std::string_view kind);

// What two people agreed on.
struct DigestKinds {
  std::vector<std::string> in_digest;
  std::vector<std::string> in_list;  // would wait by themselves
};

// Empty when `store` is null or cannot be read.
DigestKinds KindsInDigest(AgreementStore* store, const std::string& school);

bool WaitsForDigest(const v1::Alert& alert, const DigestKinds& kinds);

}  // namespace schoolgate::collector
