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

void PutPadded(uint64_t value, int width, char* to) {
  for (int i = width; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
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
  char text[] = "0000-00-00T00:00:00.000000Z";
  PutPadded(static_cast<uint64_t>(static_cast<int>(date.year())), 4, text);
  PutPadded(static_cast<unsigned>(date.month()), 2, text + 5);
  PutPadded(static_cast<unsigned>(date.day()), 2, text + 8);
  PutPadded(us / 3'600'000'000, 2, text + 11);
  PutPadded(us / 60'000'000 % 60, 2, text + 14);
  PutPadded(us / 1'000'000 % 60, 2, text + 17);
  PutPadded(us % 1'000'000, 6, text + 20);
  out->append(text, sizeof text - 1);
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

void AppendJsonString(std::string_view text, std::string* out, bool utf8) {
  out->push_back('"');
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

void AppendJsonLine(std::string_view file, const Observation& seen,
                    const rules::Decision& verdict, std::string* out) {
  out->append("{\"file\":");
  out->append(file);  // already a JSON string
  out->append(",\"time\":\"");
  AppendTime(seen.time_us, out);
  out->push_back('"');
  out->append(",\"frame\":");
  AppendNumber(seen.frame, out);
  out->append(",\"source\":");
  AppendJsonString(SourceName(seen.source), out);
  out->append(",\"name\":");
  AppendJsonString(seen.name, out);
  out->append(",\"qtype\":");
  std::array<char, 12> room;
  AppendJsonString(seen.source <= NameSource::kLlmnr
                       ? DnsTypeName(seen.qtype, &room)
                       : std::string_view(),
                   out);
  out->append(",\"transport\":");
  out->append(seen.transport == Transport::kUdp ? "\"udp\"" : "\"tcp\"");
  out->append(",\"src\":\"");
  AppendEndpoint(seen.src, out);
  out->push_back('"');
  out->append(",\"dst\":\"");
  AppendEndpoint(seen.dst, out);
  out->push_back('"');
  out->append(",\"alpn\":[");
  for (size_t i = 0; i < seen.alpn.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(seen.alpn[i], out);
  }
  out->push_back(']');
  out->append(",\"ech\":");
  out->append(seen.ech ? "true" : "false");
  out->append(",\"protocol\":");
  AppendJsonString(seen.protocol, out);
  out->append(",\"categories\":[");
  for (size_t i = 0; i < verdict.categories.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(verdict.categories[i], out);
  }
  out->push_back(']');
  out->append(",\"action\":");
  AppendJsonString(rules::ActionName(verdict.action), out);
  out->append(",\"rule\":");
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
