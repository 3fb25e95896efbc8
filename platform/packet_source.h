// Where packets come from: a capture file, a live interface, or the kernel's
// log queue. The observer above cannot tell which.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::platform {

// Which way a packet went, as far as the source knows.
enum class Direction : uint8_t { kUnknown, kOut, kIn };

inline constexpr uint32_t kNoUid = UINT32_MAX;

// One captured packet. Borrowed: valid until the next call of Next.
struct Packet {
  int64_t time_us = 0;             // since 1970, as the source stamped it
  uint64_t frame = 0;              // 1-based number within its source
  std::span<const uint8_t> bytes;  // what was captured
  uint32_t wire_bytes = 0;         // what was on the wire
  int link_type = 0;               // DLT_* of this packet's interface
  uint32_t uid = kNoUid;           // owner of the sending socket, when known
  uint32_t interface = 0;          // index of the interface it crossed; 0:
                                   // unknown, or seen once however it goes
  uint16_t stands_for = 1;         // so many packets of its flow and direction
  bool as_sent = false;            // meant is the packet that goes to the
                                   // network: no tunnel in it is opened
  Direction direction = Direction::kUnknown;
};

enum class NextResult {
  kPacket,  // *packet is filled
  kIdle,    // nothing within the time allowed (live sources only)
  kEnd,     // the source has ended; status() says whether cleanly
};

// Not thread-safe.
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Waits at most `patience`. Files never wait.
  virtual NextResult Next(absl::Duration patience, Packet* packet) = 0;

  // Several at once, as far as they are at hand: at least one when the result
  // is kPacket, as from Next. All are valid until the next call.
  virtual NextResult NextSome(absl::Duration patience, std::span<Packet> into,
                              size_t* count) {
    const NextResult result = Next(patience, &into[0]);
    *count = result == NextResult::kPacket ? 1 : 0;
    return result;
  }

  // OK, or why the source ended before its end (a truncated file, a device
  // that went away). What was read before stays good.
  virtual absl::Status status() const = 0;

  // For poll(2): readable when Next has something. -1 for files.
  virtual int descriptor() const { return -1; }

  // Whether Next gives something that was read already, which poll(2) does not
  // tell of.
  virtual bool buffered() const { return false; }

  // Packets that the kernel dropped before we saw them, since opening.
  virtual uint64_t dropped() const = 0;

  // How it sees packets: "file", "interface" (all that crosses it) or "flows"
  // (the first packets of each flow, with their senders).
  virtual std::string_view way() const = 0;

  // Whether packets may come some hundredths of a second later, many at a time:
  // where each wakes us at once, its sender waits. No source starts so.
  virtual void SetPatient(bool patient) {}

  // While somebody holds this descriptor, what feeds the source in the kernel
  // outlives our death; the next OpenLive takes it over. -1: there is none.
  virtual int held_open() const { return -1; }

  // What feeds the source outlives also this object, for its next holder.
  virtual void Leave() {}
};

// A pcap or pcapng file, gzip or zstd compressed or not; "-" is standard
// input. NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT, each naming the
// file.
absl::StatusOr<std::unique_ptr<PacketSource>> OpenCaptureFile(
    const std::string& path);

// A live source: an interface name, "any", "nflog:GROUP" (platform/log_table.h
// is put in place for as long as the source lives), or "auto": the log where
// the kernel has it, else "any". PERMISSION_DENIED says which capability is
// missing, ALREADY_EXISTS that another program holds the group. `kept` is
// what an earlier source's `held_open` was, owned from the call on, or -1.
absl::StatusOr<std::unique_ptr<PacketSource>> OpenLive(
    const std::string& interface, int kept = -1);

}  // namespace schoolgate::platform
