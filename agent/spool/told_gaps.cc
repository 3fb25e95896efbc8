#include "agent/spool/told_gaps.h"

#include <algorithm>
#include <utility>

namespace schoolgate::agent {
namespace {

bool Alike(const PendingGap& a, const PendingGap& b) {
  return a.lane == b.lane && a.reason == b.reason;
}

// One gap that says what both say.
PendingGap Merged(const PendingGap& a, const PendingGap& b) {
  PendingGap both = a;
  both.events += b.events;
  if (a.epoch != 0 && a.epoch == b.epoch && a.last + 1 == b.first) {
    both.last = b.last;
  } else {
    both.epoch = both.first = both.last = 0;
  }
  return both;
}

}  // namespace

ToldGaps::ToldGaps(platform::Directory& directory) : directory_(directory) {
  auto file = SlotFile::OpenOrCreate(directory_, kToldName, kToldMagic,
                                     platform::OpenMode::kCreate);
  if (!file.ok()) return;
  file_ = *std::move(file);
  const auto content = file_->Read();
  if (!content) return;
  if (auto gaps = DecodeToldGaps(*content)) gaps_ = *std::move(gaps);
}

void ToldGaps::Add(const PendingGap& gap, RecordPlace told) {
  changed_ = true;
  if (!gaps_.empty()) {
    ToldGap& latest = gaps_.back();
    const PendingGap both = Merged(latest.gap, gap);
    if (Alike(latest.gap, gap) && both.epoch != 0) {
      latest.gap = both;
      latest.last = told;
      return;
    }
  }
  gaps_.push_back({gap, told, told});
  if (gaps_.size() > kMaxToldGaps) MergeTwo();
}

// The first two that are alike, or the first two of all.
void ToldGaps::MergeTwo() {
  size_t one = 0;
  while (one + 1 < gaps_.size() && !Alike(gaps_[one].gap, gaps_[one + 1].gap)) {
    ++one;
  }
  if (one + 1 == gaps_.size()) one = 0;
  gaps_[one].gap = Merged(gaps_[one].gap, gaps_[one + 1].gap);
  gaps_[one].last = std::max(gaps_[one].last, gaps_[one + 1].last);
  gaps_.erase(gaps_.begin() + static_cast<std::ptrdiff_t>(one) + 1);
}

void ToldGaps::Settle(const LaneFrontier& urgent) {
  changed_ |=
      std::erase_if(gaps_, [&](const ToldGap& told) {
        const RecordPlace needed{urgent.oldest_needed.epoch,
                                 urgent.oldest_needed.first_sequence};
        const RecordPlace acked{urgent.acked_epoch, urgent.acked_sequence};
        return told.last < needed ||
               (told.last.epoch == acked.epoch && told.last <= acked);
      }) > 0;
}

std::vector<PendingGap> ToldGaps::TakeBack(RecordPlace first,
                                           RecordPlace last) {
  std::vector<PendingGap> taken;
  changed_ |= std::erase_if(gaps_, [&](const ToldGap& told) {
                if (told.last < first || last < told.first) return false;
                taken.push_back(told.gap);
                return true;
              }) > 0;
  return taken;
}

void ToldGaps::Save() {
  if (!changed_) return;
  if (file_ == nullptr) {
    auto file = SlotFile::OpenOrCreate(directory_, kToldName, kToldMagic,
                                       platform::OpenMode::kCreate);
    if (!file.ok()) return;
    file_ = *std::move(file);
  }
  changed_ = !file_->Write(EncodeToldGaps(gaps_)).ok();
}

}  // namespace schoolgate::agent
