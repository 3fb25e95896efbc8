// The small program of a desktop session that shows its person what was
// blocked, and takes back what they say of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "platform/desktop_notifier.h"

namespace schoolgate::agent {

// The notice for one entry of the agent's answer to "notices".
platform::DesktopNotice NoticeInWords(const nlohmann::json& notice);

// Not thread-safe. Borrows the desktop.
class NotifyLoop {
 public:
  using Ask = std::function<absl::StatusOr<nlohmann::json>(
      const nlohmann::json& question)>;

  NotifyLoop(Ask ask, platform::DesktopNotifier& desktop)
      : ask_(std::move(ask)), desktop_(desktop) {}

  // One turn: shows what is new, then waits up to a second for a button. An
  // agent that does not answer is asked again at the next turn; UNAVAILABLE
  // when the desktop is gone.
  absl::Status Turn();

 private:
  static constexpr size_t kMostShown = 64;

  absl::Status ShowNews();
  void Say(uint32_t shown, const std::string& button);

  Ask ask_;
  platform::DesktopNotifier& desktop_;
  uint64_t last_id_ = 0;
  std::map<uint32_t, std::string> tokens_;  // by the desktop's number
};

}  // namespace schoolgate::agent
