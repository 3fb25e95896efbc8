// Keeps the agent running where there is no systemd: what systemd's units do
// with Restart=, WatchdogSec= and the descriptor store, and no more. It reads
// no packet and no file, so there is little in it that could fail.
#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/keep/kept_process.h"
#include "agent/keep/restart_rules.h"
#include "platform/clock.h"
#include "platform/service_notice.h"

namespace schoolgate::agent {

struct KeeperOptions {
  std::vector<std::string> command;  // the agent and its arguments
  std::string state_directory;       // where a mark is left; may be empty
};

// Not thread-safe. Owns the descriptors that the agent gave it to keep.
class Keeper {
 public:
  // Borrows the clock. `notices` is where the agent reports.
  Keeper(KeeperOptions options, std::unique_ptr<platform::NoticeSocket> notices,
         const platform::Clock& clock);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Goes on with an agent that runs already.
  void Attend(KeptProcess agent);

  // Until the agent has stopped of its own will or `signals`, a signalfd(2),
  // says SIGTERM or SIGINT. The network is open afterwards.
  void Run(int signals);

 private:
  enum class Phase { kAway, kStarting, kReady };

  void Start();
  void Wait(int signals);
  void OnSignal(int signals);
  void OnNotice(const platform::Notice& notice);
  void Keep(const platform::Notice& notice);
  void OnEnd();
  void CheckTime();
  void OpenNetwork();
  void Forget(const std::string& name);
  absl::Duration NextDeadline() const;

  const KeeperOptions options_;
  const std::unique_ptr<platform::NoticeSocket> notices_;
  const platform::Clock& clock_;
  RestartRules rules_;
  std::map<std::string, int> kept_;

  std::optional<KeptProcess> agent_;
  Phase phase_ = Phase::kAway;
  absl::Duration deadline_;  // of the phase: start again, started, alive
  bool hung_ = false;        // we have killed it
  bool stopping_ = false;    // it, or we, were asked to
  std::string last_end_;     // how the last run ended, in a word
};

// Takes the agent's table away, so that nothing is held any more, and leaves
// STATE/network-opened (kOpenedMark) for the next agent to report.
// PERMISSION_DENIED while a living agent owns the table. `socket` is the one
// that owns it, or -1.
absl::Status OpenTheNetwork(const std::string& why,
                            const std::string& state_directory, int socket);

}  // namespace schoolgate::agent
