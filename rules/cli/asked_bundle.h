// What the verbs that ask a bundle about hosts say alike.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {

// Of whatever HostName::Parse refuses, in records too.
inline constexpr char kNoHost[] = "not a host name or address";

// Opens a bundle to be asked, with a warning when nobody signed it.
absl::StatusOr<std::shared_ptr<const Ruleset>> OpenToAsk(
    const std::string& path);

// On standard error, for people; returns kExitFailed.
int ComplainOfHost(const std::string& text);

}  // namespace schoolgate::rules
