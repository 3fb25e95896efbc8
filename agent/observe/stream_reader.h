// What stands at one place of a TCP stream, by its bytes alone: a ClientHello,
// an HTTP request, or something that may stand in front of them.
#pragma once

#include <array>
#include <vector>

#include "agent/observe/teller.h"

namespace schoolgate::agent {

struct StreamStep {
  enum class Kind : uint8_t {
    kNothing,  // these bytes begin nothing
    kPassed,   // something that may stand in front: `used` bytes of it
    kTold,     // a whole message of `used` bytes, which was told
    kBegun,    // something that is not whole before there are `need` bytes
    kDns,      // a stream of DNS messages begins here
  };
  Kind kind = Kind::kNothing;
  bool certain = false;  // kBegun: unmistakably a ClientHello
  size_t used = 0;
  size_t need = 0;
};

// Where in its stream a place lies.
struct StreamPlace {
  bool start = false;        // nothing of the stream was passed yet
  bool young = false;        // not far from the start
  bool after_hello = false;  // right behind a message that was told
};

// Not thread-safe.
class StreamReader {
 public:
  explicit StreamReader(Teller& teller) : teller_(teller) {}

  // `bytes` are all that is known from that place on, at least one. When more
  // is known there, kBegun may turn out to be something else; what begins a
  // message or a front is never taken for nothing before that is sure.
  StreamStep Read(Flow& flow, int side, Bytes bytes, StreamPlace place) {
    // Nearly all segments of nearly all streams begin nothing.
    const uint8_t wanted = place.young ? kYoung | kAlways : kAlways;
    if ((kMayBegin[bytes[0]] & wanted) == 0 && !place.start &&
        !place.after_hello) [[likely]] {
      return {};
    }
    return ReadSlowly(flow, side, bytes, place);
  }

  // The same for a hello whose rest a capture left out: tells it when its name
  // is there.
  void ReadCut(Flow& flow, int side, Bytes bytes);

 private:
  static constexpr uint8_t kAlways = 1;
  static constexpr uint8_t kYoung = 2;  // near the start of a stream
  static constexpr std::array<uint8_t, 256> MakeMayBegin();
  static const std::array<uint8_t, 256> kMayBegin;  // by the first byte

  StreamStep ReadSlowly(Flow& flow, int side, Bytes bytes, StreamPlace place);
  void CountBeyond();
  StreamStep ReadHello(Flow& flow, int side, Bytes bytes);
  StreamStep ReadHttp(Flow& flow, int side, Bytes bytes);

  Teller& teller_;
  std::vector<uint8_t> scratch_;
};

}  // namespace schoolgate::agent
