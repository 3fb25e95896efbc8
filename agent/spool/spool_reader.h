// The uplink's end of the spool: sealed records out, acknowledgements back.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/lane_reader.h"
#include "agent/spool/layout.h"
#include "agent/spool/slot_file.h"
#include "platform/directory.h"

namespace schoolgate::agent {

// Not thread-safe.
class SpoolReader {
 public:
  // `directory` lives longer than the reader. A frontier that cannot be read
  // means that everything goes again; the collector knows what it has.
  static std::unique_ptr<SpoolReader> Open(platform::Directory& directory);

  // Looks for new segments and records. Call when the folder changed, and now
  // and then.
  void Refresh();

  // The next records that are not in flight, highest lane first. Nothing: all
  // that Refresh found is in flight or done.
  std::optional<SpoolBatch> Next(const BatchLimits& limits);

  // The collector has committed the epoch up to `sequence`. Hostile values
  // settle nothing that is not in flight.
  void Acknowledge(uint64_t epoch, uint64_t sequence);

  // The collector says at the greeting that it has this much of an epoch.
  void Skip(uint64_t epoch, uint64_t sequence);

  // The link is gone: what is in flight goes again.
  void Rewind();

  // Writes the frontier if it changed. The writer deletes by it; until then a
  // crash costs repeats.
  absl::Status Save();
  bool unsaved() const { return !(frontier() == saved_); }

  bool idle() const;  // nothing in flight
  // Records acknowledged since ever, and what was found lost.
  uint64_t acknowledged() const { return acknowledged_; }
  const Losses& losses() const { return losses_; }
  size_t segments_left() const;
  // The epoch that Next would send from first, and its acknowledged sequence.
  SegmentId place() const;
  uint64_t acknowledged_of_place() const;
  uint64_t run() const { return run_; }

 private:
  explicit SpoolReader(platform::Directory& directory)
      : directory_(directory) {}
  Frontier frontier() const;
  bool OpenFrontier();
  void ReadRun();

  platform::Directory& directory_;
  std::unique_ptr<SlotFile> frontier_file_;
  std::unique_ptr<SlotFile> state_file_;
  Losses losses_;
  uint64_t acknowledged_ = 0;
  uint64_t run_ = 0;
  std::array<std::unique_ptr<LaneReader>, kLanes> lanes_;
  Frontier saved_;
};

// Records in the folder that nobody has acknowledged, counted one by one.
uint64_t CountWaiting(platform::Directory& directory);

}  // namespace schoolgate::agent
