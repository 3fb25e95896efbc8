// What was seen within the last while, with a fixed bound on memory and age:
// two generations, of which the older is dropped whole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace schoolgate::agent {

// The same moment is told by two ways, the gate and the capture, and what was
// read at once by one of them is older than what the other brings meanwhile. A
// time that goes back by more is a clock that was set.
inline constexpr int64_t kOutOfOrderUs = 2'000'000;

// Whether something of `then` is `age_us` old or more, or of a time that has
// not come: by a clock that was set back nobody can say how old it is.
inline bool IsOlder(int64_t then_us, int64_t now_us, int64_t age_us) {
  const int64_t passed = now_us - then_us;
  return passed >= age_us || passed < -kOutOfOrderUs;
}

// Keeps each key for at least `age_us / 2` and at most `age_us` after it was
// put, unless `max_keys` of one generation force it out earlier. Not
// thread-safe; told the time, which may jump either way.
template <typename Key, typename Value>
class RecentMap {
 public:
  RecentMap(int64_t age_us, size_t max_keys)
      : half_us_(age_us / 2), max_keys_(max_keys) {}

  // The value put under `key`, or null. Valid until the next call.
  Value* Find(const Key& key, int64_t now_us) {
    Turn(now_us);
    if (auto found = young_.find(key); found != young_.end()) {
      return &found->second;
    }
    if (auto found = old_.find(key); found != old_.end()) {
      return &found->second;
    }
    return nullptr;
  }

  Value* Put(const Key& key, Value value, int64_t now_us) {
    Turn(now_us);
    if (young_.size() >= max_keys_) {
      forced_out_ += old_.size();
      Age(now_us);
    }
    old_.erase(key);
    return &young_.insert_or_assign(key, std::move(value)).first->second;
  }

  void Remove(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }

  void Clear() {
    young_.clear();
    old_.clear();
  }

  // What is held, in no order; `look` must not change the map.
  template <typename Look>
  void ForEach(Look look) const {
    for (const auto* generation : {&old_, &young_}) {
      for (const auto& [key, value] : *generation) look(key, value);
    }
  }

  size_t size() const { return young_.size() + old_.size(); }

  // Keys that went before their time, because others needed the room.
  uint64_t forced_out() const { return forced_out_; }

 private:
  void Turn(int64_t now_us) {
    const int64_t passed = now_us - turned_us_;
    const int64_t back = std::min(half_us_, kOutOfOrderUs);
    if (passed >= -back && passed < half_us_) return;
    // A clock that stepped, or a long pause: nothing held is recent.
    if (passed < 0 || passed >= 2 * half_us_) young_.clear();
    Age(now_us);
  }

  void Age(int64_t now_us) {
    old_ = std::move(young_);
    young_.clear();
    turned_us_ = now_us;
  }

  const int64_t half_us_;
  const size_t max_keys_;
  int64_t turned_us_ = 0;
  uint64_t forced_out_ = 0;
  absl::flat_hash_map<Key, Value> young_;
  absl::flat_hash_map<Key, Value> old_;
};

}  // namespace schoolgate::agent
