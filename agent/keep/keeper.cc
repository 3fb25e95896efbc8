#include "agent/keep/keeper.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/enforce/kernel_table.h"
#include "agent/keep/kept_names.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kWatchdog = absl::Seconds(2);
constexpr absl::Duration kLongestStop = absl::Seconds(10);
// Asleep for so much longer than asked for: the machine was, or we were
// stopped. The agent was as little able to give a sign of life.
constexpr absl::Duration kOverslept = absl::Milliseconds(300);
constexpr size_t kMostKept = 8;

void Say(const std::string& text) {
  std::fprintf(stderr, "schoolgate-keeper: %s\n", text.c_str());
}

// Whoever looks after the machine must come across it.
void SayLoudly(const std::string& text) {
  Say(text);
  openlog("schoolgate-keeper", LOG_PID, LOG_DAEMON);
  syslog(LOG_ALERT, "%s", text.c_str());
  closelog();
}

std::string HowItEnded(std::optional<int> status, bool hung) {
  if (hung) return "hung";
  if (!status) return "killed";  // all that is known of somebody else's child
  if (WIFSIGNALED(*status)) {
    return WTERMSIG(*status) == SIGKILL ? "killed" : "crashed";
  }
  return "gave-up";
}

}  // namespace

Keeper::Keeper(KeeperOptions options,
               std::unique_ptr<platform::NoticeSocket> notices,
               const platform::Clock& clock)
    : options_(std::move(options)),
      notices_(std::move(notices)),
      clock_(clock),
      rules_(clock.SinceBoot()) {}

Keeper::~Keeper() {
  for (const auto& [name, descriptor] : kept_) close(descriptor);
}

void Keeper::Attend(KeptProcess agent) {
  agent_ = std::move(agent);
  phase_ = Phase::kStarting;
  deadline_ = clock_.SinceBoot() + RestartRules::kLongestStart;
}

void Keeper::Run(int signals) {
  if (!agent_) Start();
  while (agent_ || !stopping_) {
    Wait(signals);
    CheckTime();
  }
  notices_->Remove();
  // An agent that had to be killed leaves its table; one that is nobody's
  // property does not go with its socket.
  const auto table = kept_.find(kTableName);
  if (table != kept_.end()) (void)OpenTheNetwork("", "", table->second);
}

void Keeper::Start() {
  std::map<std::string, std::string> environment = {
      {"NOTIFY_SOCKET", notices_->address()},
      {"WATCHDOG_USEC", absl::StrCat(absl::ToInt64Microseconds(kWatchdog))},
      {"FDSTORE", absl::StrCat(kMostKept)}};
  if (!last_end_.empty()) environment[kLastEndVariable] = last_end_;
  auto started = KeptProcess::Start(options_.command, kept_, environment);
  const absl::Duration now = clock_.SinceBoot();
  if (!started.ok()) {
    Say(std::string(started.status().message()));
    deadline_ = now + std::max(rules_.OnEnd(RunEnd::kFault, now),
                               absl::Milliseconds(100));
    return;
  }
  agent_.emplace(std::move(*started));
  phase_ = Phase::kStarting;
  hung_ = false;
  deadline_ = now + RestartRules::kLongestStart;
}

absl::Duration Keeper::NextDeadline() const {
  return std::min(deadline_, rules_.OpensAt());
}

void Keeper::Wait(int signals) {
  const absl::Duration before = clock_.SinceBoot();
  const absl::Duration patience = std::clamp(
      NextDeadline() - before, absl::ZeroDuration(), absl::Seconds(60));
  pollfd waits[] = {
      {.fd = signals, .events = POLLIN, .revents = 0},
      {.fd = notices_->descriptor(), .events = POLLIN, .revents = 0},
      {.fd = agent_ ? agent_->descriptor() : -1,
       .events = POLLIN,
       .revents = 0}};
  // One millisecond more: a deadline must have passed when we look at it.
  poll(waits, std::size(waits),
       static_cast<int>(absl::ToInt64Milliseconds(patience)) + 1);
  const absl::Duration slept = clock_.SinceBoot() - before;
  if (slept > patience + kOverslept && agent_) {
    deadline_ = std::max(deadline_, before + slept + kWatchdog);
  }
  // Signs of life first: they may have come before the end.
  platform::Notice notice;
  while (notices_->Receive(&notice)) OnNotice(notice);
  if (waits[0].revents != 0) OnSignal(signals);
  if (waits[2].revents != 0) OnEnd();
}

void Keeper::OnSignal(int signals) {
  signalfd_siginfo told;
  if (read(signals, &told, sizeof(told)) != sizeof(told)) return;
  stopping_ = true;
  if (!agent_) return;
  agent_->Signal(SIGTERM);
  deadline_ = clock_.SinceBoot() + kLongestStop;
}

void Keeper::OnNotice(const platform::Notice& notice) {
  const bool ours = agent_ && notice.from == agent_->pid();
  if (!ours) {
    for (const int descriptor : notice.descriptors) close(descriptor);
    return;
  }
  const absl::Duration now = clock_.SinceBoot();
  if (notice.Says("FDSTORE=1")) Keep(notice);
  if (notice.Says("FDSTOREREMOVE=1")) Forget(notice.ValueOf("FDNAME"));
  if (notice.Says("READY=1")) {
    if (rules_.opened()) SayLoudly("the agent runs again and filters");
    phase_ = Phase::kReady;
    rules_.OnReady(now);
    if (!stopping_) deadline_ = now + kWatchdog;
  }
  if (notice.Says("WATCHDOG=1") && phase_ == Phase::kReady && !stopping_) {
    deadline_ = now + kWatchdog;
  }
  if (notice.Says("STOPPING=1")) {
    stopping_ = true;
    deadline_ = now + kLongestStop;
  }
}

void Keeper::Keep(const platform::Notice& notice) {
  const std::string name = notice.ValueOf("FDNAME");
  for (const int descriptor : notice.descriptors) {
    Forget(name);
    if (kept_.size() >= kMostKept) {
      close(descriptor);
      continue;
    }
    kept_[name] = descriptor;
  }
}

void Keeper::Forget(const std::string& name) {
  const auto found = kept_.find(name);
  if (found == kept_.end()) return;
  close(found->second);
  kept_.erase(found);
}

void Keeper::OnEnd() {
  const std::optional<int> status = agent_->Reap();
  const bool never_ready = phase_ == Phase::kStarting;
  agent_.reset();
  phase_ = Phase::kAway;
  // Somebody started an agent by hand, and it has told them why it cannot go
  // on.
  if (never_ready && !status) stopping_ = true;
  if (stopping_) return;
  last_end_ = HowItEnded(status, hung_);
  const absl::Duration now = clock_.SinceBoot();
  const RunEnd end = last_end_ == "killed" ? RunEnd::kKilled : RunEnd::kFault;
  deadline_ = now + rules_.OnEnd(end, now);
  Say(absl::StrCat("the agent ended (", last_end_,
                   never_ready ? ", before it was ready" : "",
                   "): it is started again"));
}

void Keeper::CheckTime() {
  const absl::Duration now = clock_.SinceBoot();
  if (rules_.MustOpen(now) && !stopping_) OpenNetwork();
  if (now < deadline_) return;
  if (!agent_) {
    if (!stopping_) Start();
    return;
  }
  // It has not started, given a sign of life, or stopped in time.
  hung_ = true;
  agent_->Signal(SIGKILL);
  deadline_ = now + kLongestStop;
}

void Keeper::OpenNetwork() {
  rules_.OnOpened();
  const auto table = kept_.find(kTableName);
  const std::string why =
      rules_.faults() >= RestartRules::kMostFaults
          ? absl::StrCat("the agent failed ", rules_.faults(),
                         " times in succession, last: ", last_end_)
          : "no agent became ready in time";
  const absl::Status opened = OpenTheNetwork(
      why, options_.state_directory, table != kept_.end() ? table->second : -1);
  if (!opened.ok()) SayLoudly(std::string(opened.message()));
  Forget(kQueueName);
  Forget(kTableName);
}

absl::Status OpenTheNetwork(const std::string& why,
                            const std::string& state_directory, int socket) {
  auto table =
      socket >= 0 ? TableSocket::Adopt(dup(socket)) : TableSocket::Open();
  if (!table.ok()) return table.status();
  const std::string name = KernelTableOptions().name;
  const absl::Status removed = RemoveKernelTable(name, **table);
  if (!removed.ok()) return removed;
  if (why.empty()) return absl::OkStatus();
  SayLoudly(absl::StrCat("THE NETWORK IS OPEN AND NOTHING IS FILTERED: ", why,
                         ": look at the agent's log and mend it"));
  if (state_directory.empty()) return absl::OkStatus();
  return platform::ReplaceFile(absl::StrCat(state_directory, "/", kOpenedMark),
                               why + "\n", 0644);
}

}  // namespace schoolgate::agent
