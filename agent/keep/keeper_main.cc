// schoolgate-keeper: see docs/man/schoolgate-keeper.8. Without a library for
// its command line, so that it stays small and starts where others cannot.
#include <signal.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/keep/keeper.h"
#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/standard_streams.h"

namespace schoolgate::agent {
namespace {

constexpr char kProgram[] = "schoolgate-keeper";
constexpr char kUsage[] =
    "Keeps the agent running, and its hold on the network while it restarts.\n"
    "\n"
    "usage: schoolgate-keeper [--state DIR] -- COMMAND [ARGUMENT...]\n"
    "       schoolgate-keeper [--state DIR] --open WHY\n"
    "       schoolgate-keeper --help | --version\n"
    "\n"
    "  COMMAND      the agent: schoolgate-agent run ...\n"
    "  --open WHY   take the agent's table out of the packet filter: nothing\n"
    "               is held or filtered then, until an agent starts\n"
    "  --state DIR  the agent's state directory: where a mark is left when\n"
    "               the network was opened [/var/lib/schoolgate]\n"
    "\n"
    "An agent that starts a keeper of its own also gives --attend and\n"
    "--notices.\n";

struct Arguments {
  KeeperOptions keeper{.command = {}, .state_directory = "/var/lib/schoolgate"};
  std::optional<std::string> open;
  int attend = 0;
  int notices = -1;
};

bool Parse(int count, char** words, Arguments* to) {
  for (int at = 1; at < count; ++at) {
    const std::string_view word = words[at];
    if (word == "--") {
      to->keeper.command.assign(words + at + 1, words + count);
      break;
    }
    if (at + 1 >= count) return false;
    const char* value = words[++at];
    if (word == "--state") {
      to->keeper.state_directory = value;
    } else if (word == "--open") {
      to->open = value;
    } else if (word == "--attend") {
      if (!absl::SimpleAtoi(value, &to->attend)) return false;
    } else if (word == "--notices") {
      if (!absl::SimpleAtoi(value, &to->notices)) return false;
    } else {
      return false;
    }
  }
  return to->open.has_value() != !to->keeper.command.empty() &&
         (to->attend != 0) == (to->notices >= 0);
}

int Keep(const Arguments& arguments) {
  platform::ForbidCoreDumps();
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGINT);
  sigprocmask(SIG_BLOCK, &ours, nullptr);
  const int signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
  std::unique_ptr<platform::NoticeSocket> notices;
  if (arguments.notices >= 0) {
    notices = platform::NoticeSocket::Adopt(arguments.notices);
  } else {
    const std::string& state = arguments.keeper.state_directory;
    if (platform::NoticeSocket::IsTaken(state)) {
      return platform::Complain(
          kProgram, absl::AlreadyExistsError(absl::StrCat(
                        state, ": another keeper runs here: stop it first")));
    }
    auto opened = platform::NoticeSocket::Open(state);
    if (!opened.ok()) return platform::Complain(kProgram, opened.status());
    notices = std::move(*opened);
  }
  Keeper keeper(arguments.keeper, std::move(notices), platform::SystemClock());
  if (arguments.attend != 0) {
    auto agent = KeptProcess::Attend(arguments.attend);
    if (!agent.ok()) return platform::Complain(kProgram, agent.status());
    keeper.Attend(std::move(*agent));
  }
  keeper.Run(signals);
  return platform::kExitOk;
}

int Main(int count, char** words) {
  const std::string_view first = count == 2 ? words[1] : "";
  if (first == "--help" || first == "-h") {
    std::fputs(kUsage, stdout);
    return platform::kExitOk;
  }
  if (first == "--version") {
    std::puts("schoolgate-keeper " SCHOOLGATE_VERSION);
    return platform::kExitOk;
  }
  Arguments arguments;
  if (!Parse(count, words, &arguments)) {
    std::fprintf(stderr,
                 "%s: neither a command to keep nor --open: see %s --help\n",
                 kProgram, kProgram);
    return platform::kExitUsage;
  }
  if (arguments.open) {
    const absl::Status opened = OpenTheNetwork(
        *arguments.open, arguments.keeper.state_directory, /*socket=*/-1);
    return opened.ok() ? platform::kExitOk
                       : platform::Complain(kProgram, opened);
  }
  return Keep(arguments);
}

}  // namespace
}  // namespace schoolgate::agent

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  platform::HoldStandardStreams();
  return platform::SendOffOutput("schoolgate-keeper", agent::Main(argc, argv));
}
