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
// Written out, it belongs where a disk does not keep it: what a stolen laptop
// holds must say nothing.
class OwnRecord {
 public:
  // A user; the oldest go first.
  static constexpr size_t kMostEvents = 500;
  // All users; then the oldest of anybody goes for the next.
  static constexpr size_t kMostOfAll = 32'000;

  // Keeps a copy of an event that has just left for the spool.
  void Add(uint32_t uid, const v1::Event& event);

  // Oldest first; empty for who has caused nothing.
  const std::deque<v1::Event>& Of(uint32_t uid) const;

  // Who has left and leaves no history.
  void Forget(uint32_t uid);

  // All of it, to be taken up after a restart of the agent.
  std::string Written() const;
  // Puts what was written before what is kept now; damaged bytes are ignored
  // from where they are damaged.
  void TakeUp(const std::string& written);

  // Counts what was added, so that it is written only when there is more.
  uint64_t added() const { return added_; }

  // Events that went for others'.
  uint64_t forgotten() const { return forgotten_; }

 private:
  void MakeRoom();

  std::map<uint32_t, std::deque<v1::Event>> events_;
  size_t kept_ = 0;  // of all users
  uint64_t added_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace schoolgate::agent
