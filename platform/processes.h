// Which program holds a socket, from /proc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace schoolgate::platform {

struct Holder {
  std::string program;     // file name: "firefox-esr"
  bool contained = false;  // in a system's container (docker, podman, nspawn):
                           // its uids are not this machine's people
};

// Not thread-safe.
class Processes {
 public:
  virtual ~Processes() = default;

  // Which program has the socket open, or nothing. Looks first where it last
  // found one for this uid, so that a browser costs one look into its own
  // descriptor table. Nothing, too, while looking has taken more of this second
  // than it may: who waits for a verdict does not wait for that.
  virtual std::optional<Holder> HolderOf(uint64_t socket_inode,
                                         uint32_t uid) = 0;

  // Look-ups that were given up for want of time.
  virtual uint64_t given_up() const { return 0; }
};

// Whether a control group's path is that of a container which a system service
// started. A person's own containers stay that person's.
bool IsContainerGroup(std::string_view path);

// Of each second, at most `share` goes into looking.
std::unique_ptr<Processes> SystemProcesses(
    absl::Duration share = absl::Milliseconds(20));

}  // namespace schoolgate::platform
