// Packets that carry several frames: aggregated 802.11 frames, and the samples
// of a switch; and frames that several packets carry.
#include <algorithm>

#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

constexpr uint8_t kInOrderProtocol = 252;  // a number of our own

}  // namespace

void PacketDecoder::Later(FrameKind kind, Bytes bytes) {
  if (frame_count_ == static_cast<int>(frames_.size())) {
    ++cut_packets_;
    return;
  }
  frames_[static_cast<size_t>(frame_count_++)] = {kind, bytes};
}

Decoded PacketDecoder::ReadFrame(const Frame& frame) {
  switch (frame.kind) {
    case FrameKind::kEthernet:
      return Ethernet(frame.bytes);
    case FrameKind::kLlc:
      return Llc(frame.bytes);
    case FrameKind::kIp:
      return AnyIp(frame.bytes);
  }
  return Decoded::kNothing;
}

Decoded PacketDecoder::FirstOfFrames() {
  if (!has_more()) return Decoded::kNothing;
  // Two more datagrams put together would overwrite those bytes.
  frames_in_table_ = reassembled_ > 0 || frames_in_table_;
  return ReadFrame(frames_[static_cast<size_t>(next_frame_++)]);
}

// Frames inside a further frame join the queue, up to the same limit.
Decoded PacketDecoder::DecodeMore(const platform::Packet& packet,
                                  Segment* segment) {
  Begin(packet, segment);
  return ReadFrame(frames_[static_cast<size_t>(next_frame_++)]);
}

PacketDecoder::InOrder* PacketDecoder::GoingOn(uint64_t stream) {
  for (InOrder& message : in_order_) {
    if (message.stream == stream) return &message;
  }
  return nullptr;
}

// What was going on in its stream will not be whole any more, and neither what
// must make room.
PacketDecoder::InOrder& PacketDecoder::BeginInOrder(uint64_t stream) {
  ++last_tag_;
  InOrder* message = GoingOn(stream);
  if (message == nullptr) message = &in_order_[last_tag_ % kMaxInOrder];
  if (message->stream != 0) {
    Fragment old;
    old.id = message->tag;
    old.protocol = kInOrderProtocol;
    fragments_.GiveUp(old);
  }
  *message = {.stream = stream, .tag = last_tag_};
  return *message;
}

// The whole message when this was its last piece, else empty.
Bytes PacketDecoder::AddInOrder(InOrder& message, Bytes piece, bool last) {
  Fragment fragment;
  fragment.id = message.tag;
  fragment.protocol = kInOrderProtocol;
  fragment.offset = message.have;
  fragment.more = !last;
  fragment.bytes = piece;
  ++message.next;
  message.have += static_cast<uint32_t>(piece.size());
  if (last) message.stream = 0;
  const Bytes whole = fragments_.Add(fragment, time_us_);
  if (!whole.empty()) ++reassembled_;
  return whole;
}

// 802.11's A-MSDU: frames with two addresses and a length, each padded to four
// bytes but the last.
Decoded PacketDecoder::Aggregated(Bytes bytes) {
  constexpr size_t kHeader = 14;
  while (bytes.size() > kHeader) {
    const size_t length = LoadU16(bytes.data() + 12);
    const Bytes frame = After(bytes, kHeader);
    Later(FrameKind::kLlc, frame.first(std::min(length, frame.size())));
    bytes = After(bytes, (kHeader + length + 3) & ~size_t{3});
  }
  return FirstOfFrames();
}

// sFlow 5: of the packets that a switch sampled, the first bytes.
Decoded PacketDecoder::Sflow(Bytes bytes) {
  constexpr uint32_t kVersion = 5;
  constexpr uint32_t kFlowSample = 1;
  constexpr uint32_t kExpandedSample = 3;
  ByteReader reader(bytes);
  if (reader.U32() != kVersion) return Decoded::kUndecodable;
  reader.Skip(reader.U32() == 1 ? 4 : 16);  // the switch's address
  reader.Skip(12);                          // part, number, uptime
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    const uint32_t kind = reader.U32();
    const size_t length = reader.U32();
    const Bytes sample = reader.Take(std::min(length, reader.left()));
    if (kind == kFlowSample || kind == kExpandedSample) {
      SflowSample(sample, kind == kExpandedSample);
    }
  }
  return FirstOfFrames();
}

void PacketDecoder::SflowSample(Bytes sample, bool expanded) {
  constexpr uint32_t kRawPacket = 1;
  constexpr uint32_t kEthernet = 1;
  constexpr uint32_t kIpv4 = 11;
  constexpr uint32_t kIpv6 = 12;
  ByteReader reader(sample);
  reader.Skip(expanded ? 40 : 28);  // who, how many of how many, where
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    const uint32_t kind = reader.U32();
    const size_t length = reader.U32();
    ByteReader record(reader.Take(std::min(length, reader.left())));
    if (kind != kRawPacket) continue;
    const uint32_t protocol = record.U32();
    record.Skip(8);  // its length on the wire, what was stripped
    const size_t kept = record.U32();
    const Bytes packet = record.Take(std::min(kept, record.left()));
    if (packet.empty()) continue;
    if (protocol == kEthernet) {
      Later(FrameKind::kEthernet, packet);
    } else if (protocol == kIpv4 || protocol == kIpv6) {
      Later(FrameKind::kIp, packet);
    }
  }
}

// What access points send to somebody who listens: 802.11 frames behind a
// header that says how long it is, or behind twenty bytes.
Decoded PacketDecoder::PeekRemote(Bytes bytes) {
  constexpr uint32_t kMagic = 0x00ffabcd;
  constexpr size_t kOldHeader = 20;
  if (bytes.size() < kOldHeader) return Decoded::kUndecodable;
  if (LoadU32(bytes.data()) != kMagic) {
    return Wireless(After(bytes, kOldHeader));
  }
  const size_t header = LoadU32(bytes.data() + 5);
  if (header < kOldHeader || header > bytes.size()) {
    return Decoded::kUndecodable;
  }
  return Wireless(After(bytes, header));
}

}  // namespace schoolgate::agent
