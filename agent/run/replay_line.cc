#include "agent/run/replay_line.h"

#include <charconv>
#include <chrono>
#include <cstring>

#include "agent/observe/dns_message.h"

namespace schoolgate::agent {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void AppendNumber(uint64_t value, std::string* out, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, base);
  out->append(digits, end.ptr);
}

void AppendPadded(uint64_t value, int width, std::string* out) {
  char digits[24];
  for (int i = width; i > 0; --i) {
    digits[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out->append(digits, static_cast<size_t>(width));
}

void AppendKey(std::string_view key, std::string* out) {
  out->append(",\"");
  out->append(key);
  out->append("\":");
}

void AppendIpv4(const uint8_t* bytes, std::string* out) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out->push_back('.');
    AppendNumber(bytes[i], out);
  }
}

void AppendIpv6(const std::array<uint8_t, 16>& bytes, std::string* out) {
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
  out->push_back('[');
  for (int i = 0; i < 8;) {
    if (i == best) {
      out->append("::");
      i += best_length;
      continue;
    }
    if (i > 0 && i != best + best_length) out->push_back(':');
    AppendNumber(bytes[i * 2] << 8 | bytes[i * 2 + 1], out, 16);
    ++i;
  }
  out->push_back(']');
}

}  // namespace

std::string_view SourceName(NameSource source) {
  static constexpr std::string_view kNames[] = {"dns",  "mdns", "llmnr", "tls",
                                                "quic", "http", "flow"};
  return kNames[static_cast<size_t>(source)];
}

void AppendTime(int64_t time_us, std::string* out) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> time{
      std::chrono::microseconds(time_us)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto us = static_cast<uint64_t>((time - day).count());
  AppendPadded(static_cast<uint64_t>(static_cast<int>(date.year())), 4, out);
  out->push_back('-');
  AppendPadded(static_cast<unsigned>(date.month()), 2, out);
  out->push_back('-');
  AppendPadded(static_cast<unsigned>(date.day()), 2, out);
  out->push_back('T');
  AppendPadded(us / 3'600'000'000, 2, out);
  out->push_back(':');
  AppendPadded(us / 60'000'000 % 60, 2, out);
  out->push_back(':');
  AppendPadded(us / 1'000'000 % 60, 2, out);
  out->push_back('.');
  AppendPadded(us % 1'000'000, 6, out);
  out->push_back('Z');
}

void AppendEndpoint(const Endpoint& end, std::string* out) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0,    0,
                                          0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(end.address.data(), kMapped, 12) == 0) {
    AppendIpv4(end.address.data() + 12, out);
  } else {
    AppendIpv6(end.address, out);
  }
  out->push_back(':');
  AppendNumber(end.port, out);
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendJsonLine(std::string_view file, const Observation& seen,
                    const rules::Decision& verdict, std::string* out) {
  out->append("{\"file\":");
  out->append(file);  // already a JSON string
  AppendKey("time", out);
  out->push_back('"');
  AppendTime(seen.time_us, out);
  out->push_back('"');
  AppendKey("frame", out);
  AppendNumber(seen.frame, out);
  AppendKey("source", out);
  AppendJsonString(SourceName(seen.source), out);
  AppendKey("name", out);
  AppendJsonString(seen.name, out);
  AppendKey("qtype", out);
  std::array<char, 12> room;
  AppendJsonString(seen.source <= NameSource::kLlmnr
                       ? DnsTypeName(seen.qtype, &room)
                       : std::string_view(),
                   out);
  AppendKey("transport", out);
  out->append(seen.transport == Transport::kUdp ? "\"udp\"" : "\"tcp\"");
  AppendKey("src", out);
  out->push_back('"');
  AppendEndpoint(seen.src, out);
  out->push_back('"');
  AppendKey("dst", out);
  out->push_back('"');
  AppendEndpoint(seen.dst, out);
  out->push_back('"');
  AppendKey("alpn", out);
  out->push_back('[');
  for (size_t i = 0; i < seen.alpn.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(seen.alpn[i], out);
  }
  out->push_back(']');
  AppendKey("ech", out);
  out->append(seen.ech ? "true" : "false");
  AppendKey("protocol", out);
  AppendJsonString(seen.protocol, out);
  AppendKey("categories", out);
  out->push_back('[');
  for (size_t i = 0; i < verdict.categories.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(verdict.categories[i], out);
  }
  out->push_back(']');
  AppendKey("action", out);
  AppendJsonString(rules::ActionName(verdict.action), out);
  AppendKey("rule", out);
  AppendJsonString(verdict.rule, out);
  out->append("}\n");
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
  out->append(seen.name);
  out->push_back(' ');
  out->append(rules::ActionName(verdict.action));
  for (const std::string& category : verdict.categories) {
    out->push_back(' ');
    out->append(category);
  }
  out->push_back('\n');
}

}  // namespace schoolgate::agent
