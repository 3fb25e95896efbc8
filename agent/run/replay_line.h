// One observation as a line of replay's output.
#pragma once

#include <string>
#include <string_view>

#include "agent/observe/observation.h"
#include "rules/decide.h"

namespace schoolgate::agent {

std::string_view SourceName(NameSource source);

// Appends lines of JSON, each with its line feed. What is the same for all
// names of one packet is written out once. Not thread-safe.
class JsonLines {
 public:
  // The lines that follow are of this file. Bytes of its name that are no
  // UTF-8 are written as "\xNN".
  void BeginFile(std::string_view path);

  void Append(const Observation& seen, const rules::Decision& verdict,
              std::string* out);

 private:
  bool SamePacket(const Observation& seen) const;
  void BeginPacket(const Observation& seen);

  std::string file_;    // a JSON string
  std::string front_;   // a line of the packet up to the name
  std::string middle_;  // from behind the question's type to the protocols
  int64_t time_us_ = 0;
  uint64_t frame_ = 0;  // 0: of no packet
  NameSource source_ = NameSource::kDns;
  Transport transport_ = Transport::kUdp;
  Endpoint src_;
  Endpoint dst_;
};

// Appends one line, with its line feed.
void AppendTextLine(const Observation& seen, const rules::Decision& verdict,
                    std::string* out);

// "10.0.0.2:51234", "[2001:db8::1]:443".
void AppendEndpoint(const Endpoint& end, std::string* out);

// "2026-11-21T09:00:00.123456Z".
void AppendTime(int64_t time_us, std::string* out);

// With quotes. Bytes above 0x7e are escaped as Latin-1, or with `utf8` left as
// they are.
void AppendJsonString(std::string_view text, std::string* out,
                      bool utf8 = false);

}  // namespace schoolgate::agent
