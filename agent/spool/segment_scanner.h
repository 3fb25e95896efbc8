// Walks the records of one segment file, whatever state it is in.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "agent/spool/layout.h"
#include "platform/directory.h"

namespace schoolgate::agent {

// A record as it lies on disk. Borrowed until the scanner's next call.
struct ScannedRecord {
  uint64_t sequence = 0;
  std::string_view bytes;
};

// Not thread-safe.
class SegmentScanner {
 public:
  explicit SegmentScanner(std::unique_ptr<platform::File> file)
      : file_(std::move(file)) {}

  // OK when the file starts with a header that names this segment. May be
  // asked again of a file that still grows. UNAVAILABLE when the disk fails.
  absl::Status ReadHeader(SegmentId id);
  const std::string& header_bytes() const { return header_bytes_; }

  // The next whole record; skips what is damaged. False: none at present. A
  // live file may have more later.
  bool Next(ScannedRecord* record);

  // Bytes after the last whole record, known once Next has returned false.
  bool has_tail() const { return at_ < file_bytes_; }
  // Whether the disk refused to answer at the last Next.
  bool failed() const { return failed_; }

 private:
  bool Fill(size_t want_bytes);
  bool Resynchronise();
  std::string_view Rest() const;

  std::unique_ptr<platform::File> file_;
  std::string header_bytes_;
  std::string window_;  // file bytes from window_at_
  uint64_t window_at_ = 0;
  uint64_t at_ = 0;              // the next record's place in the file
  uint64_t file_bytes_ = 0;      // size when last asked
  uint64_t searched_bytes_ = 0;  // size at the last vain search
  bool failed_ = false;          // the disk did not answer
};

// Counts what a segment holds, for a segment that nobody remembers: its last
// sequence, 0 when it has no whole record.
uint64_t LastSequence(platform::Directory& directory, SegmentId id);

}  // namespace schoolgate::agent
