// A TCP stream that is fed to an inspector segment by segment, for tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/partial_pool.h"
#include "agent/observe/tcp_inspector.h"

namespace schoolgate::agent {

using Buffer = std::vector<uint8_t>;

class Recorder : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    names.emplace_back(seen.name);
    protocols = seen.alpn.size();
  }
  std::vector<std::string> names;
  size_t protocols = 0;
};

// A hello for "a.example" in one record.
inline Buffer Hello() {
  Buffer record(44);
  const Buffer start = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
  std::copy(start.begin(), start.end(), record.begin());
  for (const uint8_t byte :
       {0, 2, 0x13, 1, 1, 0, 0, 18, 0, 0, 0, 14, 0, 12, 0, 0, 9}) {
    record.push_back(byte);
  }
  for (const char c : std::string_view("a.example")) {
    record.push_back(static_cast<uint8_t>(c));
  }
  record[4] = static_cast<uint8_t>(record.size() - 5);
  record[8] = static_cast<uint8_t>(record.size() - 9);
  return record;
}

// One stream of its own; its first byte has sequence number 1.
struct Stream {
  Stream() {
    flow_.id = 1;
    flow_.protocol = kProtocolTcp;
    flow_.ports[1] = 443;
    Send(0, {}, kTcpSyn);
  }

  void Send(uint32_t seq, std::string_view text) {
    Send(seq, Buffer(text.begin(), text.end()));
  }

  void Send(uint32_t seq, const Buffer& bytes, uint8_t flags = kTcpAck) {
    Segment segment;
    segment.protocol = kProtocolTcp;
    segment.tcp_seq = seq;
    segment.tcp_flags = flags;
    segment.payload = bytes;
    segment.payload_bytes = static_cast<uint32_t>(bytes.size());
    inspector_.OnSegment(flow_, 0, segment);
  }

  Recorder sink_;
  Teller teller_{sink_};
  PartialPool partials_{8, 1 << 20};
  TcpInspector inspector_{teller_, partials_};
  Flow flow_{};
};

}  // namespace schoolgate::agent
