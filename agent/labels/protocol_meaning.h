// What nDPI's words mean to a school's policy.
#pragma once

#include <string_view>

#include "agent/observe/blindness.h"

namespace schoolgate::agent {

struct ProtocolMeaning {
  // Category of the policy; empty: none of its own.
  std::string_view category;
  // What the flow hides, where it hides something.
  Blind cause = Blind::kNone;

  // Carries other connections inside, unseen.
  bool tunnel() const { return cause != Blind::kNone; }
};

// Of a label such as "TLS.OpenVPN" or "BitTorrent": any part of it counts, the
// first that means something. Labels that only repeat a name ("TLS.YouTube")
// mean nothing here: the rules know the name better.
ProtocolMeaning MeaningOf(std::string_view label);

}  // namespace schoolgate::agent
