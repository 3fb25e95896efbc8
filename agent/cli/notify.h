// The small program of a desktop session that shows its person what was
// blocked and, until they have read it, the school's notice about monitoring;
// and takes back what they say.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "platform/desktop_notifier.h"

namespace schoolgate::agent {

// The notice for one entry of the agent's answer to "notices".
platform::DesktopNotice NoticeInWords(const nlohmann::json& notice);

// The school's own, of the agent's answer to "notice".
platform::DesktopNotice SchoolNoticeForDesktop(const nlohmann::json& answer);

// Not thread-safe. Borrows the desktop.
class NotifyLoop {
 public:
  using Ask = std::function<absl::StatusOr<nlohmann::json>(
      const nlohmann::json& question)>;

  NotifyLoop(Ask ask, platform::DesktopNotifier& desktop)
      : ask_(std::move(ask)), desktop_(desktop) {}

  // One turn: shows what is new, then waits up to a second for a button. An
  // agent or a desktop that does not answer is asked again at the next turn;
  // UNAVAILABLE when the session is over.
  absl::Status Turn();

 private:
  static constexpr size_t kMostShown = 64;
  // Turns between two looks at the school's notice: another may come.
  static constexpr int kNoticeEvery = 60;

  void ShowNews();
  void ShowSchoolNotice();
  void Say(uint32_t shown, const std::string& button);

  Ask ask_;
  platform::DesktopNotifier& desktop_;
  uint64_t last_id_ = 0;
  int until_notice_ = 0;                    // turns
  std::string notice_version_;              // shown in this session
  std::optional<uint32_t> notice_;          // the desktop's number for it
  std::map<uint32_t, std::string> tokens_;  // by the desktop's number
};

}  // namespace schoolgate::agent
