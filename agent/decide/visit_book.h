// How long the people of groups with limited time (guests, the youngest) have
// been logged in, and when their time is over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "proto/policy.pb.h"
#include "rules/decide.h"

namespace schoolgate::agent {

// What a person is to be told.
struct VisitNews {
  uint32_t uid = 0;
  std::string login;
  enum class Kind { kBegun, kEndsSoon, kOver, kLeft } kind = Kind::kBegun;
  absl::Duration left;
};

// Not thread-safe. By running time since boot alone, so that no clock that is
// set back gives anybody more.
class VisitBook {
 public:
  static constexpr absl::Duration kToldBefore = absl::Minutes(10);
  // The one that began first goes for the next: whoever comes is limited.
  static constexpr size_t kMostVisits = 4096;

  VisitBook();

  // The minutes of each group by the policy in force; groups that leave no
  // history are known while they are here, too.
  void SetPolicy(const v1::CompiledPolicy& policy);

  // Somebody asks for something: a visit begins with it. True when the time of
  // who asks is over. Cheap for who has no limit.
  bool IsOver(const Who& who, int64_t boot_us);

  // How long they have left, to the end of their visit; none: no limit.
  std::optional<absl::Duration> Left(const Who& who, int64_t boot_us) const;

  // Whether somebody is logged in; none: nobody can tell.
  using IsLoggedIn = std::function<std::optional<bool>(uint32_t uid)>;

  // Time has passed: about once a minute. Who has logged out begins anew; where
  // nobody can tell that, with the next boot only.
  std::vector<VisitNews> Tick(int64_t boot_us, const IsLoggedIn& is_logged_in);

  // What is answered to them in place of any answer that opens.
  const rules::Decision& ended() const { return ended_; }

  // All of it, to be taken up by the same boot after a restart of the agent.
  std::string Written() const;
  // What is damaged is ignored.
  void TakeUp(const std::string& written);

  // Visits that went for others, and begin anew.
  uint64_t forgotten() const { return forgotten_; }

 private:
  struct Visit {
    std::string login, group;
    int64_t begun_us = 0;
    int told = 0;            // how many of the kinds of news
    bool logged_in = false;  // was seen so: what has no session cannot log out
  };

  int64_t LimitUs(const std::string& group) const;  // 0: none

  std::vector<std::pair<std::string, int64_t>> limits_;  // group, microseconds
  std::map<uint32_t, Visit> visits_;
  uint64_t forgotten_ = 0;
  rules::Decision ended_;
};

}  // namespace schoolgate::agent
