// Turns a fuzzer's bytes into choices, so that what is made of them is framed
// as a real client frames it, and mutations reach what is inside.
#pragma once

#include <algorithm>
#include <string>

#include "agent/capture/byte_reader.h"
#include "tests/recall/traffic.h"

namespace schoolgate::fuzz {

// Value. Borrows the bytes; gives zeros when they have run out.
class Choices {
 public:
  explicit Choices(agent::Bytes bytes) : left_(bytes) {}

  bool any() const { return !left_.empty(); }

  uint8_t Byte() {
    if (left_.empty()) return 0;
    const uint8_t byte = left_[0];
    left_ = left_.subspan(1);
    return byte;
  }

  size_t Below(size_t limit) {
    const size_t high = limit > 256 ? Byte() : 0;
    return (high << 8 | Byte()) % limit;
  }

  // One time in about thirty.
  bool Rarely() { return Byte() > 247; }

  agent::Bytes Some(size_t most) {
    const size_t wanted = Below(most + 1);  // takes of what is left
    const size_t count = std::min(wanted, left_.size());
    const agent::Bytes some = left_.first(count);
    left_ = left_.subspan(count);
    return some;
  }

 private:
  agent::Bytes left_;
};

inline traffic::Buffer Extension(Choices& choices) {
  traffic::Writer body;
  unsigned type = 0;
  switch (choices.Below(8)) {
    case 0:
    case 1: {  // server names
      traffic::Writer list;
      do {
        const agent::Bytes name = choices.Some(80);
        list.U8(choices.Rarely() ? choices.Byte() : 0)
            .U16(static_cast<unsigned>(name.size() + choices.Rarely()))
            .Put(name);
      } while (choices.Rarely());
      body.U16(static_cast<unsigned>(list.bytes().size() + choices.Rarely()));
      body.Put(list.bytes());
      break;
    }
    case 2: {  // ALPN
      type = 16;
      traffic::Writer list;
      do {
        const agent::Bytes name = choices.Some(12);
        list.U8(static_cast<unsigned>(name.size() + choices.Rarely()));
        list.Put(name);
      } while (choices.Byte() & 1);
      body.U16(static_cast<unsigned>(list.bytes().size()));
      body.Put(list.bytes());
      break;
    }
    case 3:
      type = 0xfe0d;
      body.Put(choices.Some(60));
      break;
    case 4:  // padding, or a key share as long as today's
      type = choices.Byte() & 1 ? 21 : 51;
      body.Zeros(choices.Below(2000));
      break;
    default:
      type = choices.Byte();
      body.Put(choices.Some(200));
      break;
  }
  return traffic::Writer()
      .U16(type)
      .U16(static_cast<unsigned>(body.bytes().size() + choices.Rarely()))
      .Put(body.bytes())
      .bytes();
}

// A ClientHello message with its header, mostly sound.
inline traffic::Buffer MakeHello(Choices& choices) {
  traffic::Writer body;
  body.U16(choices.Rarely() ? choices.Byte() : 0x0303).Zeros(32);
  const size_t session = choices.Rarely() ? 33 : choices.Below(33);
  body.U8(static_cast<unsigned>(session)).Zeros(session);
  const auto suites = static_cast<unsigned>(2 + 2 * choices.Below(20));
  body.U16(suites + choices.Rarely()).Zeros(suites).U8(1).U8(0);
  traffic::Writer extensions;
  for (size_t i = choices.Below(12); i > 0; --i) {
    extensions.Put(Extension(choices));
  }
  body.U16(static_cast<unsigned>(extensions.bytes().size()));
  body.Put(extensions.bytes());
  return traffic::Writer()
      .U8(1)
      .U24(static_cast<unsigned>(body.bytes().size() + choices.Rarely()))
      .Put(body.bytes())
      .bytes();
}

}  // namespace schoolgate::fuzz
