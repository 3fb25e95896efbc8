// How serious a category is for the safety lead: what must be seen at once,
// what is a pattern only, what is nobody's business.
#pragma once

#include <string_view>

#include "proto/alert.pb.h"

namespace schoolgate::collector {

enum class Tier {
  kNone,       // never somebody's misuse: search, news, education, help-lines
  kRoutine,    // social media, games, shopping: only as a pattern
  kRuleBreak,  // gambling, file sharing, filter bypass: twice
  kSerious,    // adult, hate, self-harm: once
  kIllegal,    // the locked lists: once, sealed
};

// Unknown categories are routine: the policy made the device report them.
Tier TierOf(std::string_view category);

// Harm to the person rather than misuse: goes to the safety lead as welfare.
bool IsWelfare(std::string_view category);

v1::Severity SeverityOf(Tier tier);

}  // namespace schoolgate::collector
