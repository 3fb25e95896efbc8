// What the living agent does besides judging: it looks after itself (Health),
// shows the school's notice, keeps people's own record over a restart, and
// ends when root takes the device out of use.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/event_sink.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/health/health.h"
#include "agent/run/answers.h"
#include "agent/run/config.h"
#include "agent/run/notice_consents.h"
#include "platform/clock.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows what it is given for its own life. Over a capture
// file it answers people and does nothing else.
class Upkeep {
 public:
  Upkeep(const AgentConfig& config, std::string boot_id,
         Attribution& attribution, Verdicts& verdicts, Watch& watch,
         Answers& answers, const platform::Clock& clock);

  // The device is enrolled: what happens can be told from now on.
  void OnEnrolled(EventSink& sink, ContactLog& contacts);

  // A few times a second. `bundle` names the rules in force.
  void Tick(bool enforcing, const std::string& bundle);

  // Something was touched that another part has noticed.
  void Tell(const Touched& touched);

  // The agent was asked to end.
  void End();

  // Adds what the heartbeat says of the program and its own tests.
  void Describe(v1::Heartbeat* beat) const;

  // Why the device goes out of use; empty while it does not.
  const std::string& out_of_use() const { return out_of_use_; }

 private:
  std::unique_ptr<Health> MakeHealth(const AgentConfig& config,
                                     std::string boot_id);
  void KeepRecord();

  Attribution& attribution_;
  Verdicts& verdicts_;
  Watch& watch_;
  const platform::Clock& clock_;
  NoticeConsents consents_;
  std::unique_ptr<Health> health_;  // null over a capture file
  ContactLog* contacts_ = nullptr;
  std::string record_file_;  // empty: nowhere
  uint64_t record_written_ = 0;
  std::string out_of_use_;
};

}  // namespace schoolgate::agent
