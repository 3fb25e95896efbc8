// What reports count of an alert: a tenth of it, kept beside the whole.
#pragma once

#include <string>

#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Without evidence, notes and texts. `sentence` holds the aliases that the
// whole alert mentions anywhere, so that SightOf answers as it does for the
// whole: as long as MentionsTell says so for the viewer's alias. `why` of a
// request is what was asked for: "pass", "open" or "block".
v1::Alert BriefOf(const v1::Alert& alert);

// How the words of `schoolgate preview GROUP --ask` begin.
inline constexpr char kAsksForPass[] = "lesson pass for ";

// Whether a request's line quotes such words.
bool AsksForPass(const v1::AlertEvidence& line);

// Whether `pseudonym` has the form of an alias ("P-", then letters, digits,
// "-" or "_"): only those are found in a brief alert. Nobody's (empty) as well.
bool MentionsTell(const std::string& pseudonym);

}  // namespace schoolgate::collector
