// Which program holds a socket, from /proc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
  // descriptor table.
  virtual std::optional<Holder> HolderOf(uint64_t socket_inode,
                                         uint32_t uid) = 0;
};

// Whether a control group's path is that of a container which a system service
// started. A person's own containers stay that person's.
bool IsContainerGroup(std::string_view path);

std::unique_ptr<Processes> SystemProcesses();

}  // namespace schoolgate::platform
