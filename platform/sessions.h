// Whether a user sits at this machine, from the session service (logind) over
// D-Bus.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

namespace schoolgate::platform {

// Over all of a user's sessions: a person is there if one of them says so.
struct Presence {
  bool active = false;  // has a session in the foreground
  bool locked = false;  // every session's screen is locked
  bool idle = false;    // every session is idle

  bool operator==(const Presence&) const = default;
};

// Not thread-safe. Each may wait a fifth of a second for the service; a
// service that does not answer is left alone for a minute.
class Sessions {
 public:
  virtual ~Sessions() = default;

  // Nothing when the user has no session, or there is no such service.
  virtual std::optional<Presence> Of(uint32_t uid) = 0;

  // Whether the service answered when it was last asked.
  virtual bool answers() const = 0;
};

// Works without the service too: then nothing is known of anybody.
std::unique_ptr<Sessions> SystemSessions();

}  // namespace schoolgate::platform
