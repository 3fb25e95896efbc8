// Which program holds a socket, from /proc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace schoolgate::platform {

// Not thread-safe.
class Processes {
 public:
  virtual ~Processes() = default;

  // The program's file name ("firefox-esr") that has the socket open, or
  // nothing. Looks first where it last found one for this uid, so that a
  // browser costs one look into its own descriptor table.
  virtual std::optional<std::string> HolderOf(uint64_t socket_inode,
                                              uint32_t uid) = 0;
};

std::unique_ptr<Processes> SystemProcesses();

}  // namespace schoolgate::platform
