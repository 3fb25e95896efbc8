#include "proto/seal/record.h"

#include "platform/check.h"
#include "proto/seal/crc32c.h"
#include "proto/seal/little_endian.h"

namespace schoolgate::seal {
namespace {

constexpr uint32_t kMagic = 0x31524753;  // "SGR1"

}  // namespace

void AppendFrame(std::string& out, uint64_t sequence, std::string_view body) {
  SG_CHECK(body.size() <= kMaxBodyBytes);
  std::string head;
  PutLittle<uint32_t>(head, kMagic);
  PutLittle<uint32_t>(head, static_cast<uint32_t>(body.size()));
  PutLittle<uint64_t>(head, sequence);
  PutLittle<uint32_t>(head, Crc32c(body));
  PutLittle<uint32_t>(head, Crc32c(head));
  out.append(head);
  out.append(body);
}

FrameError ParseFrame(std::string_view bytes, Frame* frame) {
  if (bytes.size() < kFrameHeadBytes) return FrameError::kShort;
  if (GetLittle<uint32_t>(bytes, 0) != kMagic) return FrameError::kBadHead;
  if (GetLittle<uint32_t>(bytes, 20) != Crc32c(bytes.substr(0, 20))) {
    return FrameError::kBadHead;
  }
  const size_t body_bytes = GetLittle<uint32_t>(bytes, 4);
  if (body_bytes > kMaxBodyBytes) return FrameError::kBadHead;
  frame->sequence = GetLittle<uint64_t>(bytes, 8);
  frame->total_bytes = kFrameHeadBytes + body_bytes;
  if (bytes.size() - kFrameHeadBytes < body_bytes) return FrameError::kShort;
  frame->body = bytes.substr(kFrameHeadBytes, body_bytes);
  if (GetLittle<uint32_t>(bytes, 16) != Crc32c(frame->body)) {
    return FrameError::kBadBody;
  }
  return FrameError::kNone;
}

}  // namespace schoolgate::seal
