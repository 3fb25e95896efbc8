// How one sealed record is framed, on disk and on the wire:
//   u32 magic | u32 body bytes | u64 sequence | u32 CRC-32C of the body |
//   u32 CRC-32C of the 20 bytes before | body
// The frame can be checked by anybody, the body opened by the collector only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace schoolgate::seal {

inline constexpr size_t kFrameHeadBytes = 24;
inline constexpr size_t kMaxBodyBytes = 96 * 1024;

struct Frame {
  uint64_t sequence = 0;
  std::string_view body;   // borrowed from the bytes that were parsed
  size_t total_bytes = 0;  // head and body
};

enum class FrameError {
  kNone,
  kShort,    // the bytes end within the frame: wait for more, or torn
  kBadHead,  // no frame starts here
  kBadBody,  // the head is good, so the next frame's place is known
};

void AppendFrame(std::string& out, uint64_t sequence, std::string_view body);

// Parses the frame at the start of `bytes`. For kBadBody, `frame` holds the
// sequence and the length; for kNone everything.
FrameError ParseFrame(std::string_view bytes, Frame* frame);

}  // namespace schoolgate::seal
