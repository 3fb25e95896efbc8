#include "collector/cli/child_collector.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/setup.h"
#include "collector/fleet/secret_file.h"
#include "collector/fleet/token.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchool[] = "simulated";
constexpr size_t kReadyLineBytes = 4096;

// One line, or what came before the pipe ended.
std::string ReadLine(int file) {
  std::string line;
  char c = 0;
  while (line.size() < kReadyLineBytes && read(file, &c, 1) == 1 && c != '\n') {
    line += c;
  }
  return line;
}

// In the child: only what is allowed after fork.
[[noreturn]] void BecomeCollector(const char* program, const char* data,
                                  int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // it is of no use without us
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  const int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (getenv("SCHOOLGATE_SIMULATE_LOG") == nullptr) dup2(quiet, STDERR_FILENO);
  execl(program, program, "serve", "--data", data, "--no-dashboard", "--json",
        static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildCollector>> ChildCollector::Start(
    const std::string& program, const std::string& directory,
    const std::string& database) {
  std::unique_ptr<ChildCollector> child(new ChildCollector);
  child->program_ = program;
  child->directory_.path = directory;
  if (directory.empty()) {
    std::string pattern =
        std::filesystem::temp_directory_path().string() + "/schoolgate-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::UnavailableError(
          absl::StrCat(pattern, ": ", strerror(errno)));
    }
    child->directory_.path = pattern;
    child->own_directory_ = true;
  }
  SetupRequest request;
  request.directory = child->directory_;
  request.school = kSchool;
  request.listen = "127.0.0.1:0";
  request.web = "127.0.0.1:0";
  request.metrics = "127.0.0.1:0";
  request.database = database;
  const absl::Status made =
      SetUp(request, platform::SystemClock().Now()).status();
  if (!made.ok()) return made;
  const absl::Status started = child->StartAgain();
  if (!started.ok()) return started;
  return child;
}

absl::Status ChildCollector::StartAgain() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError(absl::StrCat("pipe: ", strerror(errno)));
  }
  const std::string data = directory_.path;
  pid_ = fork();
  if (pid_ == 0) BecomeCollector(program_.c_str(), data.c_str(), ends[1]);
  close(ends[1]);
  const std::string line = ReadLine(ends[0]);
  close(ends[0]);
  const nlohmann::json ready = nlohmann::json::parse(line, nullptr, false);
  if (pid_ < 0 || !ready.is_object() || !ready.contains("devices")) {
    Kill();
    return absl::UnavailableError(
        absl::StrCat(program_, ": did not start: run `", program_,
                     " serve --data ", data, "` to see why"));
  }
  address_ = ready["devices"].get<std::string>();
  metrics_ = ready.value("metrics", "");
  return absl::OkStatus();
}

ChildCollector::~ChildCollector() {
  Kill();
  std::error_code ignored;
  if (own_directory_) std::filesystem::remove_all(directory_.path, ignored);
}

int ChildCollector::Reap() {
  int status = 0;
  while (pid_ > 0 && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void ChildCollector::Kill() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  Reap();
}

void ChildCollector::Signal(int number) {
  if (pid_ > 0) kill(pid_, number);
}

int ChildCollector::Terminate() {
  if (pid_ > 0) kill(pid_, SIGTERM);
  return Reap();
}

absl::Duration ChildCollector::CpuTime() const {
  const absl::StatusOr<std::string> stat =
      ReadSmallFile(absl::StrCat("/proc/", pid_, "/stat"));
  if (!stat.ok()) return absl::ZeroDuration();
  const std::vector<std::string> words =
      absl::StrSplit(stat->substr(stat->rfind(')') + 1), ' ');
  int64_t user = 0, system = 0;
  constexpr size_t kUser = 12, kSystem = 13;
  if (words.size() <= kSystem || !absl::SimpleAtoi(words[kUser], &user) ||
      !absl::SimpleAtoi(words[kSystem], &system)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(1) * (user + system) / sysconf(_SC_CLK_TCK);
}

uint64_t ChildCollector::ResidentBytes() const {
  const absl::StatusOr<std::string> statm =
      ReadSmallFile(absl::StrCat("/proc/", pid_, "/statm"));
  if (!statm.ok()) return 0;
  const std::vector<std::string> words = absl::StrSplit(*statm, ' ');
  uint64_t pages = 0;
  if (words.size() < 2 || !absl::SimpleAtoi(words[1], &pages)) return 0;
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::StatusOr<SimulatedHome> ChildCollector::Home(uint32_t uses) {
  SimulatedHome home;
  home.collector = address_;
  absl::StatusOr<std::string> authority =
      ReadSmallFile(directory_.Authority() + "/ca.crt");
  if (!authority.ok()) return authority.status();
  home.authority_pem = *std::move(authority);
  auto devices = OpenDevices(directory_);
  if (!devices.ok()) return devices.status();
  const TokenText text = MakeToken();
  EnrolToken token;
  token.id = text.id;
  token.secret_hash = HashOfSecret(text.secret);
  token.school = kSchool;
  token.group = "staff";
  token.uses_left = uses;
  token.expires = platform::SystemClock().Now() + absl::Hours(24);
  const absl::Status status = (*devices)->PutToken(token);
  if (!status.ok()) return status;
  home.token = Join(text);
  return home;
}

}  // namespace schoolgate::collector
