// Whoever keeps the agent running: systemd, schoolgate-keeper, or nobody.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace schoolgate::agent {

// Not thread-safe. Reads the environment that it was started in, and changes
// it: make it before any other thread runs.
class Service {
 public:
  Service();
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Whether descriptors given to Keep stay open when we die.
  bool kept() const { return kept_; }

  // "systemd", "keeper" or "none".
  std::string keeper() const;

  // How the run before this one ended, where the keeper knows: "killed",
  // "crashed", "hung", "gave-up". Empty at a first start.
  const std::string& last_end() const { return last_end_; }

  // Starts schoolgate-keeper, which stands beside our own program, to go on
  // with `arguments` when we die. Does nothing when somebody keeps us.
  absl::Status StartKeeper(std::vector<std::string> arguments,
                           std::string state_directory);

  // A descriptor that was kept over our start; the caller owns it. -1 when
  // there is none.
  int TakeKept(const std::string& name);

  // Borrows the descriptor; it must be open until Forget.
  void Keep(const std::string& name, int descriptor);
  void Forget(const std::string& name);

  void Ready();
  void Stopping();

  // A sign of life. False when the keeper that we had started is gone; another
  // one has been started then.
  bool Alive();

 private:
  absl::Status SpawnKeeper();
  absl::Status Send(const std::string& text, int descriptor = -1);

  std::string address_;
  bool kept_ = false;
  bool own_keeper_ = false;
  bool ready_ = false;
  pid_t keeper_ = 0;  // 0: not our child
  std::string last_end_;
  std::vector<std::string> arguments_;
  std::string state_directory_;
  std::multimap<std::string, int> found_;  // kept over our start
  std::map<std::string, int> given_;       // that we have kept now
};

}  // namespace schoolgate::agent
