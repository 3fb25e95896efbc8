// An alert as the dashboard's pages receive it.
#pragma once

#include <functional>
#include <string>

#include "collector/cases/sight.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

// Account name to the name people know; the account name when unknown.
using DisplayName = std::function<std::string(const std::string&)>;

// Must not be called with Sight::kNothing. The list leaves out evidence and
// notes. For illegal material no host is in the result, even when one was
// left in the alert by mistake.
nlohmann::json AlertJson(const v1::Alert& alert, Sight sight, bool whole,
                         const DisplayName& display_name);

// "illegal", "serious", "rule_break", "routine", "information".
const char* SeverityWord(v1::Severity severity);

const char* StateWord(v1::AlertState state);
// ALERT_STATE_UNSPECIFIED when it is no state.
v1::AlertState StateOf(const std::string& word);

// RFC 3339 in UTC; empty for 0.
std::string TimeWord(int64_t unix_us);

}  // namespace schoolgate::collector
