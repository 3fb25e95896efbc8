// One observation as a line of replay's output.
#pragma once

#include <string>
#include <string_view>

#include "agent/observe/observation.h"
#include "rules/decide.h"

namespace schoolgate::agent {

std::string_view SourceName(NameSource source);

// Each appends one line, with its line feed.
void AppendJsonLine(std::string_view file, const Observation& seen,
                    const rules::Decision& verdict, std::string* out);
void AppendTextLine(const Observation& seen, const rules::Decision& verdict,
                    std::string* out);

// "10.0.0.2:51234", "[2001:db8::1]:443".
void AppendEndpoint(const Endpoint& end, std::string* out);

// "2026-11-21T09:00:00.123456Z".
void AppendTime(int64_t time_us, std::string* out);

// With quotes. Bytes above 0x7e are escaped as Latin-1, or with `utf8` left as
// they are.
void AppendJsonString(std::string_view text, std::string* out,
                      bool utf8 = false);

}  // namespace schoolgate::agent
