#include "agent/run/service.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/keep/kept_names.h"
#include "platform/service_notice.h"

namespace schoolgate::agent {
namespace {

constexpr int kNoticesAt = 3;

std::string TextOf(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

// After an upgrade the kernel says "... (deleted)": the new program stands at
// the same place.
std::string OwnProgram() {
  std::error_code error;
  std::string path =
      std::filesystem::read_symlink("/proc/self/exe", error).string();
  constexpr absl::string_view kGone = " (deleted)";
  if (absl::EndsWith(path, kGone)) path.resize(path.size() - kGone.size());
  return path;
}

}  // namespace

Service::Service()
    : address_(TextOf("NOTIFY_SOCKET")),
      kept_(!address_.empty() && !TextOf("FDSTORE").empty()),
      last_end_(TextOf(kLastEndVariable)),
      found_(platform::TakeKeptDescriptors()) {}

Service::~Service() {
  for (const auto& [name, descriptor] : found_) close(descriptor);
}

std::string Service::keeper() const {
  if (!kept_) return "none";
  return platform::IsOwnNoticeAddress(address_) ? "keeper" : "systemd";
}

absl::Status Service::StartKeeper(std::vector<std::string> arguments,
                                  std::string state_directory) {
  if (!address_.empty() && !platform::IsOwnNoticeAddress(address_)) {
    return absl::OkStatus();
  }
  own_keeper_ = true;
  arguments_ = std::move(arguments);
  state_directory_ = std::move(state_directory);
  return address_.empty() ? SpawnKeeper() : absl::OkStatus();
}

absl::Status Service::SpawnKeeper() {
  const std::string program = OwnProgram();
  const std::string keeper =
      (std::filesystem::path(program).parent_path() / "schoolgate-keeper")
          .string();
  auto notices = platform::NoticeSocket::Open(state_directory_);
  if (!notices.ok()) return notices.status();
  std::vector<std::string> words = {keeper,
                                    "--state",
                                    state_directory_,
                                    "--attend",
                                    absl::StrCat(getpid()),
                                    "--notices",
                                    absl::StrCat(kNoticesAt),
                                    "--",
                                    program};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  // A session of its own: what ends ours from the terminal leaves it alone.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, (*notices)->descriptor(),
                                   kNoticesAt);
  posix_spawn_file_actions_addclosefrom_np(&files, kNoticesAt + 1);
  const int error = posix_spawn(&keeper_, keeper.c_str(), &files, &attributes,
                                argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    keeper_ = 0;
    return absl::ErrnoToStatus(
        error, absl::StrCat(keeper,
                            ": cannot be started: install it beside "
                            "schoolgate-agent"));
  }
  address_ = (*notices)->address();
  kept_ = true;
  for (const auto& [name, descriptor] : given_) Keep(name, descriptor);
  if (ready_) Ready();
  return absl::OkStatus();
}

int Service::TakeKept(const std::string& name) {
  const auto found = found_.find(name);
  if (found == found_.end()) return -1;
  const int descriptor = found->second;
  found_.erase(found);
  return descriptor;
}

void Service::Keep(const std::string& name, int descriptor) {
  given_[name] = descriptor;
  if (kept_) {
    (void)Send(absl::StrCat("FDSTORE=1\nFDPOLL=0\nFDNAME=", name), descriptor);
  }
}

void Service::Forget(const std::string& name) {
  given_.erase(name);
  if (kept_) (void)Send(absl::StrCat("FDSTOREREMOVE=1\nFDNAME=", name));
}

void Service::Ready() {
  ready_ = true;
  (void)Send("READY=1");
}

void Service::Stopping() { (void)Send("STOPPING=1"); }

bool Service::Alive() {
  const absl::Status sent = Send("WATCHDOG=1");
  if (!own_keeper_ || !absl::IsUnavailable(sent)) return true;
  if (keeper_ > 0) waitpid(keeper_, nullptr, WNOHANG);
  keeper_ = 0;
  kept_ = SpawnKeeper().ok();
  return false;
}

absl::Status Service::Send(const std::string& text, int descriptor) {
  if (address_.empty()) return absl::OkStatus();
  const std::span<const int> descriptors(&descriptor, descriptor >= 0 ? 1 : 0);
  return platform::SendNotice(address_, text, descriptors);
}

}  // namespace schoolgate::agent
