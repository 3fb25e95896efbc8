// The answer that a blocked question gets, at once and from here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace schoolgate::agent {

enum class BlockAnswer : uint8_t {
  kNoSuchName,   // NXDOMAIN: "this site can't be found"
  kZeroAddress,  // 0.0.0.0 and :: with NOERROR; other types get no data
  kNoData,       // NOERROR, no records: for HTTPS records
};

// Turns a DNS query (RFC 1035, without TCP's length prefix) into its answer,
// with Extended DNS Error 15 "Blocked" (RFC 8914) when the query has EDNS.
// Empty when the query is not one with exactly one question.
std::vector<uint8_t> AnswerBlocked(std::span<const uint8_t> query,
                                   BlockAnswer kind);

// The same for what a TCP segment holds: whole queries, each behind its length
// (RFC 1035, 4.2.2), of which `kind_of` says what they get, if anything. Empty
// when there is nothing to say, or the segment begins inside a message.
using KindOfAnswer =
    std::function<std::optional<BlockAnswer>(std::span<const uint8_t> query)>;
std::vector<uint8_t> AnswerBlockedStream(std::span<const uint8_t> segment,
                                         const KindOfAnswer& kind_of);

// The end of the first question of a query, or nothing when it is not whole.
std::optional<size_t> EndOfQuestion(std::span<const uint8_t> query);

// Whether a query with that end of its question speaks EDNS (RFC 6891).
bool HasEdns(std::span<const uint8_t> query, size_t end_of_question);

}  // namespace schoolgate::agent
