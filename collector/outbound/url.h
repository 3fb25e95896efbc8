// Where a request out of the collector goes.
#pragma once

#include <string>
#include <string_view>

namespace schoolgate::collector {

// The host of SCHEME://HOST[:PORT][/...]; an IPv6 address with its brackets.
// Empty when there is no scheme.
std::string HostOfUrl(const std::string& url);

// Whether a host is this very machine, where nobody listens in between.
bool IsThisMachine(std::string_view host);

}  // namespace schoolgate::collector
