// The answer that a blocked question gets, at once and from here.
#pragma once

#include <cstdint>
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

}  // namespace schoolgate::agent
