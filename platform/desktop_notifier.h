// Notices on a person's desktop, through the session bus
// (org.freedesktop.Notifications).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::platform {

struct DesktopNotice {
  std::string summary;  // one line
  std::string body;     // plain text
  // What a button sends back, and what stands on it.
  std::vector<std::pair<std::string, std::string>> buttons;
};

// Not thread-safe.
class DesktopNotifier {
 public:
  virtual ~DesktopNotifier() = default;

  // The number under which the desktop knows the notice. UNAVAILABLE when no
  // desktop answers; one may come later.
  virtual absl::StatusOr<uint32_t> Show(const DesktopNotice& notice) = 0;

  struct Pressed {
    uint32_t notice = 0;
    std::string button;
  };
  // Waits at most `patience` for a button. UNAVAILABLE when the bus is gone.
  virtual absl::StatusOr<std::optional<Pressed>> NextPressed(
      absl::Duration patience) = 0;
};

// Of the session that this process runs in. UNAVAILABLE without a session bus,
// ALREADY_EXISTS when another process shows ours there.
absl::StatusOr<std::unique_ptr<DesktopNotifier>> OpenDesktopNotifier();

}  // namespace schoolgate::platform
