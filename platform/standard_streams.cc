#include "platform/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "platform/complaint.h"

namespace schoolgate::platform {
namespace {

// Nobody is left to read from the pipe or socket.
bool NobodyReads() {
  pollfd output = {STDOUT_FILENO, 0, 0};
  return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

}  // namespace

void HoldStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Each is opened for what it is not
    // for: reading from it or writing to it fails, as with a closed one.
    const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (open("/dev/null", mode) != fd) return;
  }
}

int SendOffOutput(const char* program, int exit_code) {
  errno = 0;
  std::cout.flush();
  const bool sent =
      std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (sent) return exit_code;
  // An earlier write may have been the one that failed.
  const int why = errno;
  if (why == EPIPE || NobodyReads()) return exit_code;
  std::fprintf(stderr,
               "%s: standard output: %s: what was printed is not complete: "
               "make room or write elsewhere, then do it again\n",
               program, why == 0 ? "cannot be written" : std::strerror(why));
  return exit_code == kExitOk ? kExitFailed : exit_code;
}

}  // namespace schoolgate::platform
