// Sealed segments: the device writes records that only the collector can
// read, and the collector can tell who wrote them, where and in which order.
// The byte layout is in docs/spool-format.md.
//
//   device:    SegmentSealer sealer = *SegmentSealer::Make(...);
//              disk << sealer.header() << sealer.Seal(sequence, bytes) << ...
//   collector: auto opener = SegmentOpener::Open(batch.segment_header(),
//                  device_id, device_signing_key, {&collector_key});
//              auto bytes = opener->OpenRecord(sequence, record);
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/event.pb.h"
#include "proto/seal/keys.h"

namespace schoolgate::seal {

inline constexpr size_t kSegmentHeaderBytes = 336;
inline constexpr size_t kMaxDeviceIdBytes = 32;
inline constexpr size_t kChainBytes = 32;
inline constexpr size_t kMaxPlaintextBytes = 64 * 1024;

// What a segment's header says in clear.
struct SegmentHeader {
  std::string device;  // at most 32 bytes, no NUL
  uint64_t epoch = 0;  // of this lane since this start of the spool
  v1::Lane lane = v1::LANE_NORMAL;
  uint64_t first_sequence = 1;  // of its first record
  // The lane's segment before this one: its epoch, the last sequence that its
  // writer knew of (0: none), and the chain value there. All zero: none known.
  uint64_t previous_epoch = 0;
  uint64_t previous_sequence = 0;
  std::string previous_chain = std::string(kChainBytes, '\0');
  std::string key_id;  // of the collector key it is sealed to
};

// Chain over a segment: StartChain(header), then ExtendChain with each record
// as framed.
std::string StartChain(std::string_view header_bytes);
std::string ExtendChain(std::string_view chain, std::string_view record);

// Reads what a header says without proving any of it: for the device, which
// knows its own files, and for finding out whose key to prove it with.
// INVALID_ARGUMENT for anything that is not a header of this format.
absl::StatusOr<SegmentHeader> ParseSegmentHeader(std::string_view bytes);

// One segment being written. Holds the segment's key, which is wiped with it
// and cannot be had back: not thread-safe, not copied.
class SegmentSealer {
 public:
  // Fills header.key_id. INVALID_ARGUMENT for a bad collector key or device.
  static absl::StatusOr<SegmentSealer> Make(SegmentHeader header,
                                            std::string_view collector_key,
                                            const SigningKey& device_key);
  ~SegmentSealer();
  SegmentSealer(SegmentSealer&& other) noexcept;
  SegmentSealer& operator=(SegmentSealer&&) = delete;

  const std::string& header() const { return header_bytes_; }

  // The framed record. INVALID_ARGUMENT when longer than kMaxPlaintextBytes.
  absl::StatusOr<std::string> Seal(uint64_t sequence,
                                   std::string_view plaintext) const;

 private:
  SegmentSealer() = default;
  std::string header_bytes_;
  std::string associated_;  // device | epoch | lane
  std::array<uint8_t, 32> key_{};
};

// One segment being read by the collector. All input is hostile. Keep it per
// header (Batch repeats the header): opening costs 100 us, a record 1 us.
// Copyable; const calls are thread-safe.
class SegmentOpener {
 public:
  // `device` is who speaks (the certificate's common name), `device_key` its
  // Ed25519 key as enrolled. PERMISSION_DENIED when the header is not this
  // device's, NOT_FOUND when it is sealed to none of `keys`, INVALID_ARGUMENT
  // when it is no header.
  static absl::StatusOr<SegmentOpener> Open(
      std::string_view header_bytes, std::string_view device,
      std::string_view device_key, std::span<const BoxKey* const> keys);
  ~SegmentOpener();
  SegmentOpener(const SegmentOpener&) = default;
  SegmentOpener& operator=(const SegmentOpener&) = default;

  const SegmentHeader& header() const { return header_; }

  // The record's plaintext (a serialised v1::Event). DATA_LOSS when the frame
  // is damaged, PERMISSION_DENIED when it was not sealed as this sequence of
  // this segment.
  absl::StatusOr<std::string> OpenRecord(uint64_t sequence,
                                         std::string_view record) const;

 private:
  SegmentOpener() = default;
  SegmentHeader header_;
  std::string associated_;
  std::array<uint8_t, 32> key_{};
};

}  // namespace schoolgate::seal
