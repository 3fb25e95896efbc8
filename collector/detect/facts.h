// Why a device graded an episode as it did, in words a head teacher reads.
#pragma once

#include <string>
#include <string_view>

#include "proto/event.pb.h"

namespace schoolgate::collector {

// Words for one row of the device's points table; empty for rows that need
// no telling (the starting point) and for rows this collector does not know.
std::string_view FactWords(std::string_view fact, bool speaks_for_intent);

// "first host contacted after a pause; several connections at once": the
// facts that counted towards (or against) intent, strongest first.
std::string FactsFor(const v1::Episode& episode);
std::string FactsAgainst(const v1::Episode& episode);

}  // namespace schoolgate::collector
