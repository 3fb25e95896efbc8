// What the living agent does besides judging: it looks after itself (Health),
// shows the school's notice, keeps people's own record over a restart, and
// ends when root takes the device out of use.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/health/health.h"
#include "agent/health/incidents.h"
#include "agent/run/answers.h"
#include "agent/run/config.h"
#include "agent/run/notice_consents.h"
#include "platform/clock.h"
#include "platform/network_changes.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

struct UpkeepParts {
  Attribution& attribution;
  Verdicts& verdicts;
  Watch& watch;
  Answers& answers;
  Incidents& incidents;
};

// Not thread-safe. Borrows what it is given for its own life. Over a capture
// file it answers people and does nothing else.
class Upkeep {
 public:
  // `last_end`: of the run before, where the keeper knows.
  Upkeep(const AgentConfig& config, const UpkeepParts& parts,
         std::string last_end, const platform::Clock& clock);

  // The device is enrolled: people's record is kept from now on.
  void OnEnrolled(ContactLog& contacts);

  // Rules or mode are others now: the filter is to be tested.
  void OnChange();

  // A few times a second. `enforcing`: whether what the rules block is stopped.
  void Tick(bool enforcing);

  // The agent was asked to end.
  void End();

  // "pass", "fail: ..." or "" before the first test.
  std::string selftest() const;

  // Adds what the heartbeat says of the program and of browsers.
  void Describe(v1::Heartbeat* beat) const;

  // Why the device goes out of use; empty while it does not.
  const std::string& out_of_use() const { return out_of_use_; }

 private:
  std::unique_ptr<Health> MakeHealth(const AgentConfig& config,
                                     std::string last_end);
  void KeepBrowsers(absl::Duration now);
  void KeepRecord();

  const UpkeepParts parts_;
  const platform::Clock& clock_;
  NoticeConsents consents_;
  std::unique_ptr<platform::NetworkChanges> network_;  // null: not to be had
  std::unique_ptr<Health> health_;                     // null over a capture
  ContactLog* contacts_ = nullptr;
  const std::string state_directory_;
  bool harden_browsers_ = false;  // as root was told
  absl::Duration next_wish_;
  std::string record_file_;  // empty: nowhere
  uint64_t record_written_ = 0;
  std::string out_of_use_;
};

}  // namespace schoolgate::agent
