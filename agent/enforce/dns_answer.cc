#include "agent/enforce/dns_answer.h"

#include <array>
#include <optional>

namespace schoolgate::agent {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kMaxNameBytes = 255;
constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kClassIn = 1;
constexpr uint32_t kTtlSeconds = 10;  // a pass may open the host soon
constexpr uint16_t kUdpPayloadBytes = 1232;
constexpr uint16_t kOptionExtendedError = 15;
constexpr uint16_t kErrorBlocked = 15;

using Bytes = std::span<const uint8_t>;

uint16_t Read16(Bytes bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void Put16(std::vector<uint8_t>& to, uint16_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void Put32(std::vector<uint8_t>& to, uint32_t value) {
  Put16(to, static_cast<uint16_t>(value >> 16));
  Put16(to, static_cast<uint16_t>(value));
}

void PutZeroAddress(std::vector<uint8_t>& to, uint16_t type) {
  const size_t bytes = type == kTypeA ? 4 : 16;
  Put16(to, 0xc000 | kHeaderBytes);  // the name of the question
  Put16(to, type);
  Put16(to, kClassIn);
  Put32(to, kTtlSeconds);
  Put16(to, static_cast<uint16_t>(bytes));
  to.insert(to.end(), bytes, 0);
}

void PutBlockedError(std::vector<uint8_t>& to) {
  to.push_back(0);  // root
  Put16(to, kTypeOpt);
  Put16(to, kUdpPayloadBytes);
  Put32(to, 0);  // no extended code, version 0, no flags
  Put16(to, 6);
  Put16(to, kOptionExtendedError);
  Put16(to, 2);
  Put16(to, kErrorBlocked);
}

}  // namespace

// A question of a query never holds a compression pointer.
std::optional<size_t> EndOfQuestion(Bytes query) {
  size_t at = kHeaderBytes;
  while (at < query.size() && at - kHeaderBytes < kMaxNameBytes) {
    const size_t label = query[at];
    if (label == 0) {
      const size_t end = at + 1 + 4;
      return end <= query.size() ? std::optional(end) : std::nullopt;
    }
    if (label > 63) return std::nullopt;
    at += 1 + label;
  }
  return std::nullopt;
}

// Whether an OPT record stands first in the additional section, where every
// resolver puts it.
bool HasEdns(Bytes query, size_t end_of_question) {
  if (Read16(query, 6) != 0 || Read16(query, 8) != 0) return false;
  if (Read16(query, 10) == 0) return false;
  return query.size() - end_of_question >= 11 && query[end_of_question] == 0 &&
         Read16(query, end_of_question + 1) == kTypeOpt;
}

std::vector<uint8_t> AnswerBlocked(std::span<const uint8_t> query,
                                   BlockAnswer kind) {
  if (query.size() < kHeaderBytes) return {};
  const bool is_query = (query[2] & 0x80) == 0;
  if (!is_query || Read16(query, 4) != 1) return {};
  const auto end = EndOfQuestion(query);
  if (!end) return {};
  const uint16_t type = Read16(query, *end - 4);
  const bool address = kind == BlockAnswer::kZeroAddress &&
                       (type == kTypeA || type == kTypeAaaa);
  const bool edns = HasEdns(query, *end);

  std::vector<uint8_t> answer(query.begin(),
                              query.begin() + static_cast<ptrdiff_t>(*end));
  // Response, the query's opcode and RD; RA set, no AA, no TC.
  answer[2] = static_cast<uint8_t>(0x80 | (query[2] & 0x79));
  answer[3] = kind == BlockAnswer::kNoSuchName ? 0x83 : 0x80;
  const std::array<uint8_t, 6> counts = {
      0, static_cast<uint8_t>(address ? 1 : 0), 0, 0,
      0, static_cast<uint8_t>(edns ? 1 : 0)};
  std::copy(counts.begin(), counts.end(), answer.begin() + 6);
  if (address) PutZeroAddress(answer, type);
  if (edns) PutBlockedError(answer);
  return answer;
}

std::vector<uint8_t> AnswerBlockedStream(std::span<const uint8_t> segment,
                                         const KindOfAnswer& kind_of) {
  std::vector<uint8_t> answers;
  while (segment.size() >= 2) {
    const size_t length = Read16(segment, 0);
    if (length < kHeaderBytes || length > segment.size() - 2) break;
    const Bytes query = segment.subspan(2, length);
    segment = segment.subspan(2 + length);
    const auto kind = kind_of(query);
    if (!kind) continue;
    const std::vector<uint8_t> answer = AnswerBlocked(query, *kind);
    if (answer.empty()) continue;
    Put16(answers, static_cast<uint16_t>(answer.size()));
    answers.insert(answers.end(), answer.begin(), answer.end());
  }
  return answers;
}

}  // namespace schoolgate::agent
