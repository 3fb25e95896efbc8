// What this device has told about each of its users since it started, for
// that user alone to read.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "proto/event.pb.h"

namespace schoolgate::agent {

// Not thread-safe. In memory only: the spool itself cannot be read here.
class OwnRecord {
 public:
  static constexpr size_t kMostUsers = 64;
  static constexpr size_t kMostEvents = 500;  // a user; the oldest go first

  // Keeps a copy of an event that has just left for the spool.
  void Add(uint32_t uid, const v1::Event& event);

  // Oldest first; empty for who has caused nothing.
  const std::deque<v1::Event>& Of(uint32_t uid) const;

 private:
  std::map<uint32_t, std::deque<v1::Event>> events_;
};

}  // namespace schoolgate::agent
