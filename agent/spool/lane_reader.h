// Reads one lane of a spool in order and remembers what was acknowledged.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/spool/layout.h"
#include "agent/spool/segment_scanner.h"
#include "platform/directory.h"

namespace schoolgate::agent {

// Consecutive records of one segment, as they lie on disk.
struct SpoolBatch {
  uint64_t epoch = 0;
  v1::Lane lane = v1::LANE_ROUTINE;
  std::string segment_header;
  uint64_t first_sequence = 0;
  std::vector<std::string> records;
  size_t bytes = 0;  // of header and records

  uint64_t last_sequence() const { return first_sequence + records.size() - 1; }
};

struct BatchLimits {
  size_t bytes = 256 * 1024;
  size_t records = 1000;
  bool urgent_only = false;  // the highest lane, and no other
};

// Not thread-safe.
class LaneReader {
 public:
  // `losses` is shared by the lanes of one reader and outlives them.
  LaneReader(platform::Directory& directory, v1::Lane lane,
             const LaneFrontier& start, Losses& losses);

  // What the folder holds of this lane, sorted, and the writer's run.
  void SetSegments(std::vector<SegmentId> segments, uint64_t run);

  // The next records that are not in flight. False: none at present.
  bool Next(const BatchLimits& limits, SpoolBatch* batch);

  // Records of the epoch up to `sequence` are safe. Returns how many of those
  // in flight that settles; what was never sent is not settled.
  uint64_t Acknowledge(uint64_t epoch, uint64_t sequence);

  // The collector has the epoch up to `sequence` from an earlier contact.
  void Skip(uint64_t epoch, uint64_t sequence);

  // Nothing is in flight any more: all that is not acknowledged goes again.
  void Rewind();

  bool idle() const { return in_flight_.empty(); }
  LaneFrontier frontier() const;
  // Where Next would go on; for the greeting.
  SegmentId place() const { return scanner_ ? current_ : cursor_; }
  size_t segments_left() const;

 private:
  struct Flight {
    SegmentId segment;
    uint64_t first = 0;  // of what is not acknowledged
    uint64_t last = 0;
    bool touched = false;  // partly or wholly acknowledged
  };
  enum class Opening { kOpened, kSkipped, kWait };

  Opening OpenNextSegment();
  Opening GiveUp(SegmentId id);
  bool WasReplaced() const;
  void LeaveSegment();
  bool Finished(SegmentId id) const;
  bool Take(const ScannedRecord& record, SpoolBatch* batch);
  void CountHole(uint64_t first, uint64_t last);
  bool IsAcknowledged(uint64_t sequence) const;

  platform::Directory& directory_;
  const v1::Lane lane_;
  Losses& losses_;
  std::vector<SegmentId> segments_;
  uint64_t run_ = 0;
  std::map<SegmentId, int> failures_;  // of opening or reading

  SegmentId cursor_;   // no segment before this one is wanted
  SegmentId current_;  // of scanner_
  std::unique_ptr<SegmentScanner> scanner_;
  uint64_t expected_ = 0;    // next sequence of current_
  std::string kept_record_;  // read, but did not fit the last batch
  uint64_t kept_sequence_ = 0;

  std::deque<Flight> in_flight_;
  LaneFrontier acked_;  // its oldest_needed is not used
};

}  // namespace schoolgate::agent
