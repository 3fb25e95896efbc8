// A DNS message: its questions, and of its answers what the observer needs.
#pragma once

#include <cstdint>

#include "agent/capture/byte_reader.h"
#include "agent/capture/segment.h"
#include "agent/observe/name_text.h"

namespace schoolgate::agent {

inline constexpr uint16_t kTypeA = 1;
inline constexpr uint16_t kTypeAaaa = 28;
inline constexpr uint16_t kTypeSvcb = 64;
inline constexpr uint16_t kTypeHttps = 65;

struct DnsHeader {
  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additionals = 0;

  bool response() const { return (flags & 0x8000) != 0; }
  int opcode() const { return flags >> 11 & 15; }
};

struct DnsQuestion {
  NameText name;  // "." for the root
  uint16_t type = 0;
  uint16_t klass = 0;
};

struct DnsRecord {
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl_seconds = 0;
  Bytes body;
};

// Reads one message from front to back; borrows its bytes. Explicit limits:
// kMaxEntries questions and records, kMaxJumps compression pointers a name,
// 255 bytes a name. What is beyond them is malformed.
class DnsMessage {
 public:
  static constexpr int kMaxEntries = 512;
  static constexpr int kMaxJumps = 127;
  static constexpr size_t kMaxNameBytes = 255;

  explicit DnsMessage(Bytes bytes);

  const DnsHeader& header() const { return header_; }

  // True while there is a question, then a record. All questions are read
  // before the first record.
  bool NextQuestion(DnsQuestion* question);
  bool NextAnswer(DnsRecord* record);

  // The bytes did not hold what their counts promised.
  bool malformed() const { return malformed_; }

  // Whether all that is left are the records that were promised, up to the
  // last byte.
  bool RestIsSound();

 private:
  template <typename Put>
  bool WalkName(Put put);
  bool ReadName(NameText* text);
  bool ReadRecord(DnsRecord* record);
  bool Fail() {
    malformed_ = true;
    return false;
  }

  Bytes bytes_;
  DnsHeader header_;
  size_t at_ = 0;
  int questions_left_ = 0;
  int answers_left_ = 0;
  bool malformed_ = false;
};

// Whether a message with this header may be a query with one question.
bool MayBeQuery(Bytes header);

// Whether a datagram on any port can be nothing but a DNS query: sane header,
// one question, and every byte accounted for; or else an ordinary question.
bool IsUnmistakableQuery(Bytes bytes);

// The public name of an ECH configuration list in an HTTPS or SVCB record's
// body; empty when it has no ech parameter.
Bytes EchPublicName(Bytes svcb_body);

// "A", "AAAA", "HTTPS", ..., "TYPE123". Into `room`, which must outlive it.
std::string_view DnsTypeName(uint16_t type, std::array<char, 12>* room);

}  // namespace schoolgate::agent
