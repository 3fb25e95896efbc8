#include "agent/observe/dns_message.h"

#include <charconv>
#include <cstring>
#include <utility>

namespace schoolgate::agent {
namespace {

constexpr size_t kHeaderBytes = 12;

constexpr std::pair<uint16_t, std::string_view> kTypeNames[] = {
    {1, "A"},      {2, "NS"},      {5, "CNAME"},  {6, "SOA"},    {10, "NULL"},
    {12, "PTR"},   {13, "HINFO"},  {15, "MX"},    {16, "TXT"},   {24, "SIG"},
    {25, "KEY"},   {28, "AAAA"},   {29, "LOC"},   {33, "SRV"},   {35, "NAPTR"},
    {39, "DNAME"}, {41, "OPT"},    {43, "DS"},    {44, "SSHFP"}, {46, "RRSIG"},
    {47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"}, {52, "TLSA"},  {64, "SVCB"},
    {65, "HTTPS"}, {99, "SPF"},    {249, "TKEY"}, {250, "TSIG"}, {251, "IXFR"},
    {252, "AXFR"}, {255, "ANY"},   {257, "CAA"},
};

// By number; empty: it has none.
constexpr std::array<std::string_view, 258> kTypeByNumber = [] {
  std::array<std::string_view, 258> names;
  for (const auto& [number, name] : kTypeNames) names[number] = name;
  return names;
}();

constexpr uint32_t kMostAdditionals = 2;  // EDNS and a signature

bool IsKnownType(uint16_t type) {
  return type < kTypeByNumber.size() && !kTypeByNumber[type].empty();
}

// Internet, Chaos, Hesiod, none, any.
bool IsKnownClass(uint16_t klass) {
  return klass == 1 || klass == 3 || klass == 4 || klass == 254 || klass == 255;
}

bool IsHostText(std::string_view name) {
  for (char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) return false;
  }
  return name.size() > 1;
}

}  // namespace

DnsMessage::DnsMessage(Bytes bytes) : bytes_(bytes) {
  ByteReader reader(bytes);
  header_.id = reader.U16();
  header_.flags = reader.U16();
  header_.questions = reader.U16();
  header_.answers = reader.U16();
  header_.authorities = reader.U16();
  header_.additionals = reader.U16();
  if (!reader.ok() || header_.questions > kMaxEntries) {
    malformed_ = true;
    return;
  }
  at_ = kHeaderBytes;
  questions_left_ = header_.questions;
  answers_left_ = header_.answers > kMaxEntries ? 0 : header_.answers;
}

// `put` gets each label as the first bytes of what is left.
template <typename Put>
bool DnsMessage::WalkName(Put put) {
  const Bytes bytes = bytes_;
  size_t at = at_;
  size_t total = 0;
  bool jumped = false;
  for (int jumps = 0;;) {
    if (at >= bytes.size()) return Fail();
    const uint8_t length = bytes[at++];
    if ((length & 0xc0) == 0xc0) {
      if (at >= bytes.size() || ++jumps > kMaxJumps) return Fail();
      const size_t target = (length & 0x3fu) << 8 | bytes[at++];
      if (!jumped) at_ = at;
      jumped = true;
      at = target;
      continue;
    }
    if ((length & 0xc0) != 0 || length > bytes.size() - at) return Fail();
    if (length == 0) break;
    total += length + size_t{1};
    if (total > kMaxNameBytes) return Fail();
    put(bytes.subspan(at), length);
    at += length;
  }
  if (!jumped) at_ = at;
  return true;
}

bool DnsMessage::ReadName(NameText* text) {
  if (text == nullptr) return WalkName([](Bytes, size_t) {});
  const size_t begin = at_;
  text->Clear();
  const bool whole =
      WalkName([&](Bytes from, size_t bytes) { text->AddAsItIs(from, bytes); });
  if (!whole || text->Settle()) return whole;
  at_ = begin;
  text->Clear();
  return WalkName([&](Bytes from, size_t bytes) {
    if (!text->view().empty()) text->AddDot();
    text->AddLabel(from.first(bytes));
  });
}

bool DnsMessage::NextQuestion(DnsQuestion* question) {
  if (malformed_ || questions_left_ == 0) return false;
  if (!ReadName(&question->name)) return false;
  if (bytes_.size() - at_ < 4) return Fail();
  question->type = LoadU16(bytes_.data() + at_);
  question->klass = LoadU16(bytes_.data() + at_ + 2);
  at_ += 4;
  --questions_left_;
  return true;
}

bool DnsMessage::NextAnswer(DnsRecord* record) {
  if (malformed_ || questions_left_ > 0 || answers_left_ == 0) return false;
  if (!ReadRecord(record)) return false;
  --answers_left_;
  return true;
}

bool DnsMessage::RestIsSound() {
  DnsQuestion question;
  while (NextQuestion(&question)) {
  }
  int records = answers_left_ + header_.authorities + header_.additionals;
  if (records > kMaxEntries) return false;
  DnsRecord record;
  while (!malformed_ && records > 0 && ReadRecord(&record)) --records;
  return !malformed_ && at_ == bytes_.size();
}

bool DnsMessage::ReadRecord(DnsRecord* record) {
  if (!ReadName(nullptr)) return false;
  if (bytes_.size() - at_ < 10) return Fail();
  const uint8_t* fixed = bytes_.data() + at_;
  const size_t length = LoadU16(fixed + 8);
  at_ += 10;
  if (length > bytes_.size() - at_) return Fail();
  record->type = LoadU16(fixed);
  record->klass = LoadU16(fixed + 2);
  record->ttl_seconds = LoadU32(fixed + 4);
  record->body = bytes_.subspan(at_, length);
  at_ += length;
  return true;
}

bool MayBeQuery(Bytes bytes) {
  constexpr uint16_t kOpcodeAndAnswerBits = 0xfc0f;
  if (bytes.size() < kHeaderBytes) return false;
  const uint16_t flags = LoadU16(bytes.data() + 2);
  return (flags & kOpcodeAndAnswerBits) == 0 &&
         LoadU32(bytes.data() + 4) == 0x00010000 &&  // one question
         LoadU32(bytes.data() + 8) <= kMostAdditionals;
}

bool IsUnmistakableQuery(Bytes bytes) {
  constexpr uint16_t kInternet = 1;
  if (bytes.size() < kHeaderBytes + 5 || !MayBeQuery(bytes)) return false;
  DnsMessage message(bytes);
  DnsQuestion question;
  if (!message.NextQuestion(&question) || question.type == 0) return false;
  const std::string_view name = question.name.view();
  if (name == ".") return false;
  if (message.RestIsSound()) return IsKnownClass(question.klass);
  // With something behind it, all else must be as usual.
  return question.klass == kInternet && IsKnownType(question.type) &&
         IsHostText(name);
}

Bytes EchPublicName(Bytes svcb_body) {
  constexpr uint16_t kEchKey = 5;
  constexpr uint16_t kEchVersion = 0xfe0d;
  ByteReader reader(svcb_body);
  reader.Skip(2);
  for (size_t length = reader.U8(); length != 0; length = reader.U8()) {
    reader.Skip(length);
  }
  while (reader.ok() && reader.left() >= 4) {
    const uint16_t key = reader.U16();
    ByteReader value(reader.Take(reader.U16()));
    if (!reader.ok()) break;
    if (key != kEchKey) continue;
    value.Skip(2);
    while (value.ok() && value.left() >= 4) {
      const uint16_t version = value.U16();
      ByteReader config(value.Take(value.U16()));
      if (version != kEchVersion) continue;
      config.Skip(3);
      config.Skip(config.U16());
      config.Skip(config.U16());
      config.Skip(1);
      const Bytes name = config.Take(config.U8());
      if (config.ok()) return name;
    }
  }
  return {};
}

std::string_view DnsTypeName(uint16_t type, std::array<char, 12>* room) {
  if (IsKnownType(type)) return kTypeByNumber[type];
  std::memcpy(room->data(), "TYPE", 4);
  const auto end =
      std::to_chars(room->data() + 4, room->data() + room->size(), type).ptr;
  return {room->data(), static_cast<size_t>(end - room->data())};
}

}  // namespace schoolgate::agent
