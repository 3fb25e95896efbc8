#include "agent/decide/own_record.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace schoolgate::agent {

void OwnRecord::Add(uint32_t uid, const v1::Event& event) {
  ++added_;
  if (const auto mine = events_.find(uid);
      mine != events_.end() && mine->second.size() >= kMostEvents) {
    mine->second.pop_front();
    --kept_;
  }
  if (kept_ >= kMostOfAll) MakeRoom();
  events_[uid].push_back(event);
  ++kept_;
}

void OwnRecord::MakeRoom() {
  const auto oldest = std::min_element(
      events_.begin(), events_.end(), [](const auto& one, const auto& other) {
        return one.second.front().time_unix_us() <
               other.second.front().time_unix_us();
      });
  oldest->second.pop_front();
  --kept_;
  ++forgotten_;
  if (oldest->second.empty()) events_.erase(oldest);
}

void OwnRecord::Forget(uint32_t uid) {
  const auto mine = events_.find(uid);
  if (mine == events_.end()) return;
  kept_ -= mine->second.size();
  events_.erase(mine);
  ++added_;  // what was written has to be written anew
}

std::string OwnRecord::Written() const {
  std::string written;
  for (const auto& [uid, events] : events_) {
    for (const v1::Event& event : events) {
      const std::string bytes = event.SerializeAsString();
      absl::StrAppend(&written, uid, " ", bytes.size(), "\n", bytes);
    }
  }
  return written;
}

void OwnRecord::TakeUp(const std::string& written) {
  std::map<uint32_t, std::deque<v1::Event>> now = std::exchange(events_, {});
  kept_ = 0;
  absl::string_view rest = written;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos) break;
    const std::pair<absl::string_view, absl::string_view> words =
        absl::StrSplit(rest.substr(0, end), absl::MaxSplits(' ', 1));
    rest.remove_prefix(end + 1);
    uint32_t uid = 0;
    size_t size = 0;
    v1::Event event;
    if (!absl::SimpleAtoi(words.first, &uid) ||
        !absl::SimpleAtoi(words.second, &size) || size > rest.size() ||
        !event.ParseFromArray(rest.data(), static_cast<int>(size))) {
      break;
    }
    rest.remove_prefix(size);
    Add(uid, event);
  }
  for (const auto& [uid, events] : now) {
    for (const v1::Event& event : events) Add(uid, event);
  }
}

const std::deque<v1::Event>& OwnRecord::Of(uint32_t uid) const {
  static const std::deque<v1::Event> nothing;
  const auto mine = events_.find(uid);
  return mine == events_.end() ? nothing : mine->second;
}

}  // namespace schoolgate::agent
