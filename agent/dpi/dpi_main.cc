// schoolgate-dpi: labels flows with nDPI for the agent, which starts it. It
// has no rights, no files and no network: only the memory it shares with the
// agent and a socket to be woken by.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>

#include "agent/dpi/sandbox.h"
#include "agent/dpi/worker.h"
#include "platform/complaint.h"
#include "platform/shared_memory.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"

namespace {

using namespace schoolgate;  // main builds the world

constexpr char kProgram[] = "schoolgate-dpi";
constexpr int kMemory = 3;  // as the agent passes them
constexpr int kDoor = 4;

int Serve() {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(kDoor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
      fcntl(kDoor, F_SETFL, O_NONBLOCK) != 0) {
    return platform::Complain(
        kProgram, absl::FailedPreconditionError(
                      "descriptors 3 and 4: are not the agent's: "
                      "schoolgate-agent starts this program by itself"));
  }
  signal(SIGPIPE, SIG_IGN);
  if (absl::Status status = agent::DropRights(); !status.ok()) {
    return platform::Complain(kProgram, status);
  }
  auto memory = platform::SharedMemory::Map(kMemory, agent::SharedBytes());
  if (!memory.ok()) return platform::Complain(kProgram, memory.status());
  agent::Worker worker(memory->bytes(), kDoor);
  if (!worker.Load()) {
    return platform::Complain(
        kProgram, absl::InternalError("nDPI: cannot be loaded: is there "
                                      "memory left?"));
  }
  const absl::Status closed =
      agent::CloseSandbox(kDoor, agent::kMostMemoryBytes);
  if (!closed.ok()) return platform::kExitFailed;  // with nowhere to say why
  // Nothing is cleaned up: there is nothing that outlives the process.
  _exit(worker.Run() ? platform::kExitOk : platform::kExitFailed);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Labels flows with nDPI for schoolgate-agent, which starts it.",
               kProgram);
  app.set_version_flag("--version", "schoolgate-dpi " SCHOOLGATE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return platform::SendOffOutput(
        kProgram, platform::ExitFromParse(app, error, argc, argv));
  }
  return Serve();
}
