// SafeSearch and its kin: the question for a name becomes one for the
// provider's restricted name, and the network's answer to that becomes the
// answer to the first. So the addresses are always today's, and nobody but the
// person's own name server is asked.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace schoolgate::agent {

// The query with `name` in its question's place. Empty when the query is not
// one with exactly one whole question.
std::vector<uint8_t> AskInstead(std::span<const uint8_t> query,
                                std::string_view name);

// Turns the answer to the question for `name` into the answer to `query`: an
// alias, and the addresses that the answer holds. Empty when `answer` answers
// something else.
std::vector<uint8_t> AnswerInstead(std::span<const uint8_t> query,
                                   std::string_view name,
                                   std::span<const uint8_t> answer);

}  // namespace schoolgate::agent
