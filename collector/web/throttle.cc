#include "collector/web/throttle.h"

#include <algorithm>

namespace schoolgate::collector {

absl::Duration Throttle::WaitAfter(uint32_t failures) const {
  if (failures < limits_.free_failures) return absl::ZeroDuration();
  const uint32_t doublings =
      std::min<uint32_t>(failures - limits_.free_failures, 20);
  return std::min(limits_.first_wait * (int64_t{1} << doublings),
                  limits_.longest_wait);
}

absl::Duration Throttle::Wait(const std::string& key, absl::Duration now) {
  std::lock_guard lock(mutex_);
  auto found = records_.find(key);
  if (found == records_.end()) return absl::ZeroDuration();
  if (now - found->second.last >= limits_.forget) {
    records_.erase(found);
    return absl::ZeroDuration();
  }
  const absl::Duration until =
      found->second.last + WaitAfter(found->second.failures);
  return std::max(until - now, absl::ZeroDuration());
}

uint32_t Throttle::Fail(const std::string& key, absl::Duration now) {
  std::lock_guard lock(mutex_);
  if (records_.size() >= limits_.keys && !records_.contains(key)) {
    records_.erase(std::min_element(records_.begin(), records_.end(),
                                    [](const auto& a, const auto& b) {
                                      return a.second.last < b.second.last;
                                    }));
  }
  Record& record = records_[key];
  ++record.failures;
  record.last = now;
  return record.failures;
}

void Throttle::Forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  records_.erase(key);
}

bool RateLimit::Take(const std::string& key, absl::Duration now) {
  std::lock_guard lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= limits_.keys) {
      // A full bucket says nothing; dropping it changes nothing.
      const absl::Duration full =
          absl::Seconds(limits_.burst / limits_.per_second);
      std::erase_if(buckets_, [&](const auto& entry) {
        return now - entry.second.filled >= full;
      });
      if (buckets_.size() >= limits_.keys) return false;
    }
    found = buckets_.emplace(key, Bucket{limits_.burst, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.left =
      std::min(limits_.burst,
               bucket.left + limits_.per_second *
                                 absl::ToDoubleSeconds(now - bucket.filled));
  bucket.filled = now;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

}  // namespace schoolgate::collector
