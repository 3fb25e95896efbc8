// Which Gap records wait in the spool, and what each says: where one of them
// has to be evicted itself, what it said can be told again.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/spool/layout.h"
#include "agent/spool/slot_file.h"
#include "platform/directory.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the folder for its life.
class ToldGaps {
 public:
  // Reads what an earlier run noted. A file that is lost or cannot be made
  // costs the notes of earlier runs, nothing else.
  explicit ToldGaps(platform::Directory& directory);

  // A record that says this lies at that place of the urgent lane. Beyond
  // kMaxToldGaps, two that are alike become one: a range may get lost over
  // that, a count does not.
  void Add(const PendingGap& gap, RecordPlace told);

  // The collector has them up to here.
  void Settle(const LaneFrontier& urgent);

  // The records of [first, last] are being evicted: what those of them said
  // that were gaps. It is no longer noted; tell it again.
  std::vector<PendingGap> TakeBack(RecordPlace first, RecordPlace last);

  // To the disk, where something has changed. Fails as the disk does; tried
  // again with the next call.
  void Save();

 private:
  void MergeTwo();

  platform::Directory& directory_;
  std::unique_ptr<SlotFile> file_;  // none: the disk refused it
  std::vector<ToldGap> gaps_;       // in order of their first place
  bool changed_ = false;
};

}  // namespace schoolgate::agent
