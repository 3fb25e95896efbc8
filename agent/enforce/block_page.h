// What a person sees in the place of a blocked page, where the connection was
// not encrypted: what happened, why, and what they can do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace schoolgate::agent {

struct BlockedPlace {
  std::string host;  // empty: illegal material, not named on any screen
  std::string reason;
  std::string clause;
  std::string help;   // whom to ask or talk to, in the policy's words
  std::string token;  // of the notice that the buttons speak about; empty: none
};

// A whole HTTP response that closes the connection. Every text is escaped.
std::vector<uint8_t> BlockPage(const BlockedPlace& place);

// The answer to a button of such a page.
std::vector<uint8_t> ThanksPage(bool taken);

// The TLS alert access_denied (RFC 8446, 6.2) as a record.
std::vector<uint8_t> AccessDeniedAlert();

}  // namespace schoolgate::agent
