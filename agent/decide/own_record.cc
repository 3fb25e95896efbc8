#include "agent/decide/own_record.h"

namespace schoolgate::agent {

void OwnRecord::Add(uint32_t uid, const v1::Event& event) {
  if (!events_.contains(uid) && events_.size() >= kMostUsers) return;
  std::deque<v1::Event>& mine = events_[uid];
  if (mine.size() >= kMostEvents) mine.pop_front();
  mine.push_back(event);
}

const std::deque<v1::Event>& OwnRecord::Of(uint32_t uid) const {
  static const std::deque<v1::Event> nothing;
  const auto mine = events_.find(uid);
  return mine == events_.end() ? nothing : mine->second;
}

}  // namespace schoolgate::agent
