#include "agent/observe/stream_reader.h"

#include "agent/observe/http_request.h"
#include "agent/observe/stream_front.h"
#include "agent/observe/tcp_dns.h"

namespace schoolgate::agent {
namespace {

using Kind = StreamStep::Kind;

constexpr uint8_t kFirstRecordType = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kLastRecordType = 23;
constexpr uint8_t kClientHello = 1;
constexpr size_t kRecordHeader = 5;
// Fewer bytes may be the beginning of nearly anything.
constexpr size_t kTooFew = 8;

// Of a record that may stand in front of a hello, or hold it.
bool IsHelloRecord(uint8_t type) {
  return type >= kFirstRecordType && type < kLastRecordType;
}

StreamStep Begun(size_t need, bool certain = false) {
  return {.kind = Kind::kBegun, .certain = certain, .need = need};
}

// A whole record that holds no hello, with something behind it.
StreamStep PassRecord(Bytes bytes) {
  if (bytes.size() <= kRecordHeader || bytes[0] < kFirstRecordType ||
      bytes[0] > kLastRecordType || bytes[1] != 3) {
    return {};
  }
  if (bytes[0] == kHandshake && bytes[kRecordHeader] == kClientHello) return {};
  const size_t whole = kRecordHeader + size_t{LoadU16(bytes.data() + 3)};
  if (whole >= bytes.size()) return {};
  return {.kind = Kind::kPassed, .used = whole};
}

}  // namespace

constexpr std::array<uint8_t, 256> StreamReader::MakeMayBegin() {
  std::array<uint8_t, 256> may{};
  for (size_t text = '\t'; text < 0x7f; ++text) may[text] |= kYoung;
  for (size_t method = 'C'; method <= 'T'; ++method) may[method] |= kAlways;
  for (const uint8_t front : {0, 3, 4, 5, 10, 13, 18, 20, 21, 22, 32, 48}) {
    may[front] |= kAlways;
  }
  return may;
}

constinit const std::array<uint8_t, 256> StreamReader::kMayBegin =
    StreamReader::MakeMayBegin();

void StreamReader::CountBeyond() {
  ++teller_.counters().oversized;
  teller_.Doubt();
}

StreamStep StreamReader::ReadHello(Flow& flow, int side, Bytes bytes) {
  ClientHello hello;
  const StreamSearch search = FindClientHello(bytes, &scratch_, &hello);
  switch (search.result) {
    case Search::kNeedMore:
      return Begun(search.need, search.certain);
    case Search::kNot:
      if (search.beyond) CountBeyond();
      if (search.broken) teller_.Doubt();
      return {};
    case Search::kFound:
      break;
  }
  teller_.Hello(NameSource::kTls, flow, side, hello);
  return {.kind = Kind::kTold, .used = search.used};
}

StreamStep StreamReader::ReadHttp(Flow& flow, int side, Bytes bytes) {
  const Bytes lines = SkipEmptyLines(bytes);
  HttpRequest request;
  const HttpResult result = ReadHttpRequest(lines, &request);
  // Other methods are a guess: text may be about anything.
  if (request.beyond && StartsLikeHttp(lines)) CountBeyond();
  if (result == HttpResult::kNot) return {};
  if (result == HttpResult::kNeedMore) return Begun(bytes.size() + 1);
  teller_.Http(flow, side, request.host);
  return {.kind = Kind::kTold,
          .used = bytes.size() - lines.size() + request.used};
}

StreamStep StreamReader::ReadSlowly(Flow& flow, int side, Bytes bytes,
                                    StreamPlace place) {
  if (IsHelloRecord(bytes[0])) {
    const StreamStep step = ReadHello(flow, side, bytes);
    if (step.kind != Kind::kNothing) return step;
  }
  if (place.after_hello) {
    const StreamStep record = PassRecord(bytes);
    if (record.kind != Kind::kNothing) return record;
  }
  if (place.start) {
    const size_t need = TcpDns::BeginsWithQuery(bytes);
    if (need > bytes.size()) return Begun(need);
    if (need > 0) return {.kind = Kind::kDns};
  }
  const StreamFront front = ReadStreamFront(bytes);
  if (front.used > 0) return {.kind = Kind::kPassed, .used = front.used};
  const Bytes lines = SkipEmptyLines(bytes);
  if (StartsLikeHttp(lines) || (place.start && MayBeMethod(lines))) {
    const StreamStep step = ReadHttp(flow, side, bytes);
    if (step.kind != Kind::kNothing) return step;
  }
  if (place.young) {
    const TextFront text = TextBeforeHello(bytes);
    if (text.used > 0) return {.kind = Kind::kPassed, .used = text.used};
    if (text.beyond) ++teller_.counters().long_fronts;
  }
  if (front.need > 0 && (place.young || bytes.size() >= kTooFew)) {
    return Begun(front.need);
  }
  // The first bytes of a request may be fewer than a method has.
  const bool short_method = lines.empty() || StartsLikeHttp(lines, 1);
  if (place.young && bytes.size() < kTooFew && short_method) {
    return Begun(bytes.size() + 1);
  }
  return {};
}

void StreamReader::ReadCut(Flow& flow, int side, Bytes bytes) {
  ClientHello hello;
  if (FindCutHello(bytes, &scratch_, &hello)) {
    teller_.Hello(NameSource::kTls, flow, side, hello);
  }
}

}  // namespace schoolgate::agent
