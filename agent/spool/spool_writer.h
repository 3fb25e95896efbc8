// The gate's end of the spool: events in, sealed segments on disk.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/spool/layout.h"
#include "agent/spool/slot_file.h"
#include "agent/spool/told_gaps.h"
#include "platform/directory.h"
#include "proto/event.pb.h"
#include "proto/seal/keys.h"
#include "proto/seal/segment.h"

namespace schoolgate::agent {

struct SpoolOptions {
  std::string device;         // as enrolled, "D-4KQ7X2M9"
  std::string collector_key;  // the collector's X25519 key, 32 raw bytes
  std::string boot_id;
  uint64_t quota_bytes = 512ull << 20;     // at least eight segments
  uint64_t segment_bytes = kSegmentBytes;  // at most that
  absl::Duration sync_interval = absl::Milliseconds(500);
  // There was a spool here before, whatever the folder says: an empty one has
  // been emptied.
  bool was_used = false;
};

// Names a record of this device for ever.
struct SpoolPosition {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
};

// Since this start, except where said.
struct SpoolCounters {
  uint64_t appended = 0;
  uint64_t refused = 0;  // no room even after eviction; told as Gap
  uint64_t evicted = 0;  // records; told as Gap
  uint64_t write_failures = 0;
  uint64_t sync_failures = 0;
  uint64_t spool_bytes = 0;  // on disk now, of all runs
  uint64_t waiting = 0;      // records not acknowledged yet, of all runs
};

// Not thread-safe. Append and Tick may wait for the disk: do not call them
// from the thread that holds packets.
class SpoolWriter {
 public:
  // Starts a new run on whatever the folder holds; never fails because of it.
  // INVALID_ARGUMENT only for options that cannot seal. `directory` and its
  // files live longer than the writer; `now` feeds a run's number where the
  // state was lost, nothing else.
  static absl::StatusOr<std::unique_ptr<SpoolWriter>> Start(
      platform::Directory& directory, SpoolOptions options,
      const seal::SigningKey& device_key, absl::Time now);

  // Says the last word to the disk; what then fails is lost as in a crash.
  ~SpoolWriter();

  // Fills sequence, boot_id, boot_us and lane, seals and writes. The record
  // survives our death when this returns; it survives power loss after the
  // next sync, for LANE_URGENT when this returns. RESOURCE_EXHAUSTED or
  // UNAVAILABLE: refused and counted, a Gap will tell. INVALID_ARGUMENT: too
  // long, or no lane.
  absl::StatusOr<SpoolPosition> Append(v1::Event event, v1::Lane lane,
                                       absl::Duration since_boot);

  // Call at least every sync_interval: syncs what is due, deletes what was
  // acknowledged, tells gaps, reserves space.
  void Tick(absl::Duration since_boot);

  // Makes all that was appended durable now. What a failed sync covered stays
  // in doubt, as it does on any disk; what is appended after it is not.
  absl::Status Sync();

  SpoolCounters counters() const;
  uint64_t run() const { return state_.run; }

 private:
  struct Segment {
    uint64_t bytes = 0;  // on disk, reservation included
    uint64_t last = 0;   // last sequence; 0: not known yet
    bool told = false;   // a gap tells of it, though the disk kept it
  };
  struct Lane {
    std::optional<seal::SegmentSealer> sealer;  // with file: a live segment
    std::unique_ptr<platform::File> file;
    SegmentId id;
    uint64_t bytes = 0;
    uint64_t next_sequence = 1;
    std::string chain;
    bool dirty = false;
  };

  SpoolWriter(platform::Directory& directory, SpoolOptions options,
              const seal::SigningKey& device_key);
  void Recover(absl::Time now);
  void LoadSegments();
  bool LoadState();
  void MissEnds();
  void OpenFrontier();

  absl::StatusOr<SpoolPosition> AppendOnce(v1::Event& event, v1::Lane lane);
  absl::Status OpenSegment(v1::Lane lane);
  seal::SegmentSealer MakeSealer(SegmentId id) const;
  absl::StatusOr<std::unique_ptr<platform::File>> MakeSegmentFile(SegmentId id,
                                                                  bool reserve);
  void CloseSegment(v1::Lane lane);
  absl::Status SyncLane(v1::Lane lane);
  absl::Status WriteState();
  void NoteSegmentEnd(v1::Lane lane);

  bool MakeRoom(v1::Lane lane, GapReason reason);
  std::optional<SegmentId> Victim(v1::Lane lane) const;
  void Evict(SegmentId id, GapReason reason);
  uint64_t LastOf(SegmentId id);
  bool IsLive(SegmentId id) const;
  void AddGap(PendingGap gap);
  void TellGaps();
  void ReadFrontier();
  void DeleteAcknowledged();
  void LearnOneLast();
  void KeepSpare();
  uint64_t TotalBytes() const;

  platform::Directory& directory_;
  const SpoolOptions options_;
  const seal::SigningKey device_key_;
  std::unique_ptr<SlotFile> state_file_;     // none: the disk refused it
  std::unique_ptr<SlotFile> frontier_file_;  // none: not made yet
  SpoolState state_;
  ToldGaps told_;
  Frontier frontier_;
  std::map<SegmentId, Segment> segments_;  // all on disk, the live ones too
  std::array<Lane, kLanes> lanes_;
  std::array<uint64_t, kLanes> refused_untold_{};
  SpoolCounters counters_;
  absl::Duration since_boot_;
  std::optional<absl::Duration> unsynced_since_;
  bool folder_dirty_ = false;
  bool state_stale_ = false;  // in memory newer than on disk
  bool spare_ready_ = false;
  std::array<bool, kLanes> full_{};  // no room; tried again each Tick
};

}  // namespace schoolgate::agent
