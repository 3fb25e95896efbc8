#include "agent/uplink/alone.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/uplink/identity_folder.h"
#include "platform/directory.h"
#include "platform/name_question.h"

namespace schoolgate::agent {
namespace {

// Whoever only looks holds it for a moment.
constexpr int kTries = 20;
constexpr absl::Duration kBetweenTries = absl::Milliseconds(50);

platform::Descriptor OpenIdentity(const std::string& state_directory) {
  return platform::Descriptor(open((state_directory + "/identity").c_str(),
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

absl::StatusOr<platform::Descriptor> HoldIdentity(
    const std::string& state_directory) {
  const auto state = platform::OpenDirectory(state_directory);
  if (!state.ok()) return state.status();
  const auto made = IdentityFolder::Open(state_directory + "/identity");
  if (!made.ok()) return made.status();
  platform::Descriptor identity = OpenIdentity(state_directory);
  if (identity.get() < 0) {
    return absl::ErrnoToStatus(errno,
                               state_directory + "/identity: cannot be opened");
  }
  for (int left = kTries; flock(identity.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (--left == 0) {
      return absl::AlreadyExistsError(
          state_directory + ": another uplink runs here: stop it first");
    }
    platform::Pause(kBetweenTries);
  }
  return identity;
}

std::optional<bool> SomebodyHolds(const std::string& state_directory) {
  const platform::Descriptor identity = OpenIdentity(state_directory);
  if (identity.get() < 0) return std::nullopt;
  return flock(identity.get(), LOCK_SH | LOCK_NB) != 0;
}

}  // namespace schoolgate::agent
