#include "agent/run/replay_line.h"

#include <array>
#include <chrono>
#include <cstring>

#include "agent/observe/dns_message.h"
#include "rules/bundle/utf8.h"

namespace schoolgate::agent {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Lines are put together in places of known size: each Put writes at `to` and
// returns the end of what it wrote.
constexpr size_t kMaxEndpoint =
    sizeof "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
constexpr size_t kTimeBytes = sizeof "0000-00-00T00:00:00.000000Z" - 1;
constexpr size_t kMaxNumber = 20;
constexpr size_t kShortName = 255;  // longer ones take the slower way

// "00", "01", ... "99".
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

char* Put(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// What was put at `begin`.
void AppendRoom(const char* begin, const char* end, std::string* out) {
  out->append(begin, static_cast<size_t>(end - begin));
}

char* PutPair(uint64_t value, char* to) {
  std::memcpy(to, kPairs.data() + 2 * value, 2);
  return to + 2;
}

char* PutNumber(uint64_t value, char* to) {
  if (value >= 10'000) {
    to = PutNumber(value / 10'000, to);
    value %= 10'000;
    return PutPair(value % 100, PutPair(value / 100, to));
  }
  if (value >= 100) {
    if (value >= 1000) return PutPair(value % 100, PutPair(value / 100, to));
    *to = static_cast<char>('0' + value / 100);
    return PutPair(value % 100, to + 1);
  }
  if (value >= 10) return PutPair(value, to);
  *to = static_cast<char>('0' + value);
  return to + 1;
}

char* PutHex16(unsigned value, char* to) {
  int shift = 12;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *to++ = kHex[value >> shift & 15];
  return to;
}

// "0.", "1.", ... "255.": each number of an address with the dot behind it.
struct Dotted {
  char text[4];
  uint8_t length;
};
constexpr std::array<Dotted, 256> kDotted = [] {
  std::array<Dotted, 256> all{};
  for (unsigned i = 0; i < 256; ++i) {
    Dotted& made = all[i];
    if (i >= 100) made.text[made.length++] = static_cast<char>('0' + i / 100);
    if (i >= 10)
      made.text[made.length++] = static_cast<char>('0' + i / 10 % 10);
    made.text[made.length++] = static_cast<char>('0' + i % 10);
    made.text[made.length++] = '.';
  }
  return all;
}();

// Writes up to 16 bytes, the last of them in vain.
char* PutIpv4(const uint8_t* bytes, char* to) {
  for (int i = 0; i < 4; ++i) {
    const Dotted& number = kDotted[bytes[i]];
    std::memcpy(to, number.text, sizeof number.text);
    to += number.length;
  }
  return to - 1;
}

char* PutIpv6(const std::array<uint8_t, 16>& bytes, char* to) {
  int best = -1;
  int best_length = 1;  // a single zero group is not shortened
  for (int i = 0; i < 8; ++i) {
    int length = 0;
    while (i + length < 8 && bytes[(i + length) * 2] == 0 &&
           bytes[(i + length) * 2 + 1] == 0) {
      ++length;
    }
    if (length > best_length) {
      best = i;
      best_length = length;
    }
    if (length > 0) i += length - 1;
  }
  *to++ = '[';
  for (int i = 0; i < 8;) {
    if (i == best) {
      to = Put("::", to);
      i += best_length;
      continue;
    }
    if (i > 0 && i != best + best_length) *to++ = ':';
    to = PutHex16(bytes[i * 2] << 8u | bytes[i * 2 + 1], to);
    ++i;
  }
  *to++ = ']';
  return to;
}

char* PutEndpoint(const Endpoint& end, char* to) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0,    0,
                                          0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(end.address.data(), kMapped, 12) == 0) {
    to = PutIpv4(end.address.data() + 12, to);
  } else {
    to = PutIpv6(end.address, to);
  }
  *to++ = ':';
  return PutNumber(end.port, to);
}

char* PutTime(int64_t time_us, char* to) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> time{
      std::chrono::microseconds(time_us)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto us = static_cast<uint64_t>((time - day).count());
  const uint64_t seconds = us / 1'000'000;
  const uint64_t fraction = us % 1'000'000;
  const auto year =
      static_cast<uint64_t>(static_cast<int>(date.year())) % 10'000;
  to = PutPair(year / 100, to);
  to = PutPair(year % 100, to);
  *to++ = '-';
  to = PutPair(static_cast<unsigned>(date.month()), to);
  *to++ = '-';
  to = PutPair(static_cast<unsigned>(date.day()), to);
  *to++ = 'T';
  to = PutPair(seconds / 3600, to);
  *to++ = ':';
  to = PutPair(seconds / 60 % 60, to);
  *to++ = ':';
  to = PutPair(seconds % 60, to);
  *to++ = '.';
  to = PutPair(fraction / 10'000, to);
  to = PutPair(fraction / 100 % 100, to);
  to = PutPair(fraction % 100, to);
  *to++ = 'Z';
  return to;
}

// Of bytes that a JSON string cannot hold as they are, or are not ASCII.
constexpr std::array<bool, 256> kEscaped = [] {
  std::array<bool, 256> escaped{};
  for (size_t i = 0; i < 256; ++i) escaped[i] = i < 0x20 || i >= 0x7f;
  escaped['"'] = escaped['\\'] = true;
  return escaped;
}();

// Marks bytes that a JSON string cannot hold as they are, or that are not
// ASCII; the lowest of them surely, others perhaps not.
uint64_t MarkOdd(const char* eight) {
  constexpr uint64_t kEach = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x80 * kEach;
  const auto zeros = [](uint64_t word) {
    return (word - kEach) & ~word & kHigh;
  };
  uint64_t word;
  std::memcpy(&word, eight, 8);
  const uint64_t beyond = (word - 0x20 * kEach) | (word + kEach) | word;
  return (beyond & kHigh) | zeros(word ^ '"' * kEach) |
         zeros(word ^ '\\' * kEach);
}

// Whether a JSON string can hold the bytes as they are.
bool IsPlain(std::string_view text) {
  if (text.size() < 8) {
    bool escaped = false;
    for (char c : text) escaped |= kEscaped[static_cast<uint8_t>(c)];
    return !escaped;
  }
  uint64_t odd = MarkOdd(text.data() + text.size() - 8);
  for (size_t at = 0; at + 8 < text.size(); at += 8) {
    odd |= MarkOdd(text.data() + at);
  }
  return odd == 0;
}

void AppendVerdict(const rules::Decision& verdict, std::string* out) {
  out->append(",\"categories\":[");
  for (size_t i = 0; i < verdict.categories.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(verdict.categories[i], out);
  }
  out->append("],\"action\":\"");
  out->append(rules::ActionName(verdict.action));
  out->append("\",\"rule\":");
  AppendJsonString(verdict.rule, out);
  out->append("}\n");
}

// Protocols, what else the hello said, the label and the verdict.
void AppendEnd(const Observation& seen, const rules::Decision& verdict,
               std::string* out) {
  constexpr std::string_view kNothingSpecial =
      "],\"ech\":false,\"protocol\":\"\",\"categories\":[],"
      "\"action\":\"allow\",\"rule\":\"\"}\n";
  if (seen.alpn.empty() && !seen.ech && seen.protocol.empty() &&
      verdict.categories.empty() && verdict.rule.empty() &&
      verdict.action == rules::Action::kAllow) {
    out->append(kNothingSpecial);
    return;
  }
  for (size_t i = 0; i < seen.alpn.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(seen.alpn[i], out);
  }
  out->append(seen.ech ? "],\"ech\":true,\"protocol\":"
                       : "],\"ech\":false,\"protocol\":");
  AppendJsonString(seen.protocol, out);
  AppendVerdict(verdict, out);
}

}  // namespace

std::string_view SourceName(NameSource source) {
  static constexpr std::string_view kNames[] = {"dns",  "mdns", "llmnr", "tls",
                                                "quic", "http", "flow"};
  return kNames[static_cast<size_t>(source)];
}

void AppendTime(int64_t time_us, std::string* out) {
  char room[kTimeBytes];
  AppendRoom(room, PutTime(time_us, room), out);
}

void AppendEndpoint(const Endpoint& end, std::string* out) {
  char room[kMaxEndpoint];
  AppendRoom(room, PutEndpoint(end, room), out);
}

void AppendJsonString(std::string_view text, std::string* out, bool utf8) {
  if (text.empty()) {
    out->append("\"\"");
    return;
  }
  out->push_back('"');
  if (IsPlain(text)) {
    out->append(text).push_back('"');
    return;
  }
  size_t clean = 0;  // bytes up to here are written
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool quoted = byte == '"' || byte == '\\';
    if (!quoted && byte >= 0x20 && (byte < 0x7f || utf8)) continue;
    out->append(text.substr(clean, i - clean));
    clean = i + 1;
    if (quoted) {
      out->push_back('\\');
      out->push_back(text[i]);
    } else {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
  out->append(text.substr(clean));
  out->push_back('"');
}

void JsonLines::BeginFile(std::string_view path) {
  file_.clear();
  AppendJsonString(rules::AsUtf8(path), &file_, /*utf8=*/true);
  frame_ = 0;
}

// A packet's frames, when it carries several, have ends of their own.
bool JsonLines::SamePacket(const Observation& seen) const {
  return seen.frame == frame_ && seen.time_us == time_us_ &&
         seen.source == source_ && seen.transport == transport_ &&
         seen.src == src_ && seen.dst == dst_;
}

void JsonLines::BeginPacket(const Observation& seen) {
  time_us_ = seen.time_us;
  frame_ = seen.frame;
  source_ = seen.source;
  transport_ = seen.transport;
  src_ = seen.src;
  dst_ = seen.dst;
  char room[128 + kTimeBytes + kMaxNumber + 2 * kMaxEndpoint];
  char* at = Put(",\"time\":\"", room);
  at = PutTime(seen.time_us, at);
  at = Put("\",\"frame\":", at);
  at = PutNumber(seen.frame, at);
  at = Put(",\"source\":\"", at);
  at = Put(SourceName(seen.source), at);
  at = Put("\",\"name\":", at);
  front_.assign("{\"file\":").append(file_);
  AppendRoom(room, at, &front_);
  at = Put(seen.transport == Transport::kUdp
               ? "\",\"transport\":\"udp\",\"src\":\""
               : "\",\"transport\":\"tcp\",\"src\":\"",
           room);
  at = PutEndpoint(seen.src, at);
  at = Put("\",\"dst\":\"", at);
  at = PutEndpoint(seen.dst, at);
  at = Put("\",\"alpn\":[", at);
  middle_.clear();
  AppendRoom(room, at, &middle_);
}

void JsonLines::Append(const Observation& seen, const rules::Decision& verdict,
                       std::string* out) {
  constexpr size_t kUsual = 512;
  if (!SamePacket(seen)) BeginPacket(seen);
  std::array<char, 12> type_room;
  std::string_view type;
  if (seen.source <= NameSource::kLlmnr) {
    type = DnsTypeName(seen.qtype, &type_room);
  }
  if (front_.size() + middle_.size() > kUsual ||
      seen.name.size() > kShortName || !IsPlain(seen.name)) {
    out->append(front_);
    AppendJsonString(seen.name, out);
    out->append(",\"qtype\":\"").append(type).append(middle_);
    return AppendEnd(seen, verdict, out);
  }
  char room[kUsual + kShortName + 64];
  char* at = Put(front_, room);
  *at++ = '"';
  at = Put(seen.name, at);
  at = Put("\",\"qtype\":\"", at);
  at = Put(type, at);
  at = Put(middle_, at);
  AppendRoom(room, at, out);
  AppendEnd(seen, verdict, out);
}

void AppendTextLine(const Observation& seen, const rules::Decision& verdict,
                    std::string* out) {
  AppendTime(seen.time_us, out);
  out->push_back(' ');
  AppendEndpoint(seen.src, out);
  out->append(" -> ");
  AppendEndpoint(seen.dst, out);
  out->push_back(' ');
  out->append(SourceName(seen.source));
  out->push_back(' ');
  // A label has no name, only a protocol.
  out->append(seen.name.empty() ? seen.protocol : seen.name);
  out->push_back(' ');
  out->append(rules::ActionName(verdict.action));
  for (const std::string& category : verdict.categories) {
    out->push_back(' ');
    out->append(category);
  }
  out->push_back('\n');
}

}  // namespace schoolgate::agent
