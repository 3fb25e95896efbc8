// 802.11 frames, by themselves and as access points send them to a controller.
#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

bool StartsWithSnap(Bytes bytes) {
  return bytes.size() >= 8 && bytes[0] == 0xaa && bytes[1] == 0xaa &&
         bytes[2] == 0x03 && bytes[3] == 0;
}

bool IsDataFrame(uint8_t kind) { return (kind & 0x0f) == 0x08; }

}  // namespace

Decoded PacketDecoder::Wireless(Bytes bytes) {
  if (bytes.size() < 24) return Decoded::kUndecodable;
  return WirelessFrame(bytes[0], bytes[1], bytes);
}

// Frames to a controller carry the two bytes of their frame control in one
// order or in the other.
Decoded PacketDecoder::WirelessOfController(Bytes bytes) {
  if (bytes.size() < 24) return Decoded::kUndecodable;
  if (!IsDataFrame(bytes[0]) && IsDataFrame(bytes[1])) {
    return WirelessFrame(bytes[1], bytes[0], bytes);
  }
  return WirelessFrame(bytes[0], bytes[1], bytes);
}

// Behind the radio's own header, whose flags may say that the frame still has
// its checksum.
Decoded PacketDecoder::Radiotap(Bytes bytes) {
  constexpr size_t kCheck = 4;
  constexpr uint8_t kTime = 0x01;  // in the first byte of what is present
  constexpr uint8_t kFlags = 0x02;
  constexpr uint8_t kHasCheck = 0x10;
  const size_t header = LittleU16(bytes, 2);
  Bytes frame = After(bytes, header);
  if (bytes.size() < 8 || frame.size() < kCheck) return Wireless(frame);
  size_t at = 8;
  for (size_t word = 4; word + 8 <= header && (bytes[word + 3] & 0x80) != 0;
       word += 4) {
    at += 4;  // more words of what is present
  }
  if ((bytes[4] & kTime) != 0) at = ((at + 7) & ~size_t{7}) + 8;
  if ((bytes[4] & kFlags) != 0 && at < header && (bytes[at] & kHasCheck) != 0) {
    frame = frame.first(frame.size() - kCheck);
  }
  return Wireless(frame);
}

// The frame that a fragment completes, else empty. Its number is in the four
// lowest bits of the sequence, its sender's address in front of that.
Bytes PacketDecoder::WholeFrame(Bytes frame, Bytes body, bool more) {
  if (frames_in_table_) return {};
  const uint32_t number = frame[22] & 0x0f;
  uint64_t stream =
      frame[22] >> 4 | uint64_t{frame[23]} << 4 | uint64_t{1} << 62;
  for (size_t i = 10; i < 16; ++i) stream ^= uint64_t{frame[i]} << (8 * i - 68);
  InOrder* message = GoingOn(stream);
  if (number == 0) message = &BeginInOrder(stream);
  if (message == nullptr || message->next != number) return {};
  return AddInOrder(*message, body, !more);
}

Decoded PacketDecoder::WirelessFrame(uint8_t kind, uint8_t flags, Bytes bytes) {
  constexpr uint8_t kNoData = 0x40;
  constexpr uint8_t kQos = 0x80;
  constexpr uint8_t kEncrypted = 0x40;
  constexpr uint8_t kMore = 0x04;
  constexpr uint8_t kAggregated = 0x80;
  if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
  if (!IsDataFrame(kind) || (kind & kNoData) != 0) return Decoded::kNothing;
  size_t header = 24;
  if ((flags & 3) == 3) header += 6;  // four addresses
  uint8_t qos = 0;
  if ((kind & kQos) != 0) {
    qos = bytes.size() > header ? bytes[header] : 0;
    header += 2;
    if ((flags & 0x80) != 0) header += 4;  // HT control
  }
  Bytes body = After(bytes, header);
  const bool more = (flags & kMore) != 0;
  if (more || (bytes[22] & 0x0f) != 0) {
    // Each piece is encrypted by itself.
    if ((flags & kEncrypted) != 0) return Decoded::kNothing;
    body = WholeFrame(bytes, body, more);
    if (body.empty()) return Decoded::kNothing;
  }
  if (body.size() >= 10 && body[0] != 0xaa && body[2] == 0xaa) {
    body = body.subspan(2);  // header padded to four bytes
  }
  if ((flags & kEncrypted) != 0) {
    // Some cards decrypt, and leave the mark and perhaps the key's number.
    if (!StartsWithSnap(body)) body = After(body, 8);
    if (!StartsWithSnap(body)) return Decoded::kNothing;
  }
  if ((qos & kAggregated) != 0) return Aggregated(body);
  if (body.size() > 6 && body[0] != 0xaa) {
    // A mesh's header: flags, time to live, number, up to two addresses.
    const Bytes inner = After(body, 6 + (body[0] & 3) * size_t{6});
    if (StartsWithSnap(inner)) body = inner;
  }
  return Llc(body);
}

// RFC 5415; frames as they were in the air, or as Ethernet has them.
Decoded PacketDecoder::Capwap(Bytes bytes) {
  constexpr uint8_t kNative = 0x01;
  constexpr uint8_t kFragment = 0x80;
  constexpr uint8_t kLast = 0x40;
  constexpr uint8_t kKeepAlive = 0x08;
  constexpr uint8_t kProtocol = 254;  // a number of our own, for the fragments
  if (bytes.size() < 8 || bytes[0] != 0) return Decoded::kUndecodable;
  if ((bytes[3] & kKeepAlive) != 0) return Decoded::kNothing;
  Bytes frame = After(bytes, (bytes[1] >> 3) * size_t{4});
  if ((bytes[3] & kFragment) != 0) {
    if (frames_in_table_) return Decoded::kUndecodable;
    const uint32_t where = LoadU16(bytes.data() + 6) & 0xfff8u;
    frame = fragments_.Add({out_->src, out_->dst, LoadU16(bytes.data() + 4),
                            kProtocol, where, (bytes[3] & kLast) == 0, frame},
                           time_us_);
    if (frame.empty()) return Decoded::kNothing;
    if (++reassembled_ > kMaxReassembled) return Decoded::kUndecodable;
  }
  const bool native = (bytes[2] & kNative) != 0;
  return native ? WirelessOfController(frame) : Ethernet(frame);
}

// RFC 5412, the elder of CAPWAP.
Decoded PacketDecoder::Lwapp(Bytes bytes) {
  constexpr uint8_t kControl = 0x04;
  constexpr uint8_t kFragment = 0x02;
  if (bytes.size() < 6) return Decoded::kUndecodable;
  if ((bytes[0] & (kControl | kFragment)) != 0) return Decoded::kNothing;
  return WirelessOfController(bytes.subspan(6));
}

}  // namespace schoolgate::agent
