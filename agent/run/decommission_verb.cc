#include "agent/run/decommission_verb.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/health/browser_policies.h"
#include "agent/run/config.h"
#include "agent/run/identity_file.h"
#include "agent/spool/spool_reader.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "platform/directory.h"
#include "platform/local_socket.h"
#include "platform/name_question.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kProgram[] = "schoolgate-agent";
constexpr size_t kFileLimit = 16 * 1024;
constexpr absl::Duration kAnswerPatience = absl::Seconds(60);
constexpr absl::Duration kFlushPatience = absl::Minutes(5);
constexpr absl::Duration kForcedPatience = absl::Seconds(20);
constexpr absl::Duration kEndPatience = absl::Seconds(10);

struct Options {
  std::string config = kDefaultConfigPath;
  std::string token_file;
  bool force = false;
  bool json = false;
};

// Until `done` says so or patience is over.
template <typename Done>
bool Await(absl::Duration patience, Done done) {
  const platform::Clock& clock = platform::SystemClock();
  const absl::Duration until = clock.SinceBoot() + patience;
  while (!done()) {
    if (clock.SinceBoot() > until) return false;
    platform::Pause(absl::Milliseconds(50));
  }
  return true;
}

class Farewell {
 public:
  Farewell(const AgentConfig& config, const Options& options)
      : config_(config),
        options_(options),
        folder_(config.state_directory + "/decommission") {}

  absl::Status WithToken();
  absl::Status Forced();

  const std::string& receipt() const { return receipt_; }

 private:
  absl::Status AskUplink(const std::string& stage, absl::Duration patience);
  absl::Status WriteWish(const std::string& stage);
  void EndAgent(const std::string& why) const;
  uint64_t Waiting() const;
  void Wipe() const;

  const AgentConfig& config_;
  const Options& options_;
  const std::string folder_;
  std::string token_;
  std::string receipt_;
};

absl::Status Farewell::WithToken() {
  const auto token = platform::ReadWholeFile(options_.token_file, kFileLimit);
  if (!token.ok()) return token.status();
  token_ = std::string(absl::StripAsciiWhitespace(*token));
  // Enforcement goes on until the school has agreed.
  absl::Status status = AskUplink("ask", kAnswerPatience);
  if (!status.ok()) return status;
  EndAgent("");
  status = AskUplink("final", kFlushPatience);
  if (!status.ok()) {
    return absl::Status(
        status.code(),
        absl::StrCat(status.message(),
                     "; nothing was wiped, but the agent has ended and NOTHING "
                     "IS FILTERED: do this again, or start the agent"));
  }
  Wipe();
  return platform::ReplaceFile(config_.state_directory + "/decommissioned.json",
                               receipt_ + "\n", 0644);
}

absl::Status Farewell::Forced() {
  EndAgent("removal_forced");
  const bool told = Await(kForcedPatience, [this] { return Waiting() == 0; });
  std::fprintf(stderr,
               told ? "%s: the school was told\n"
                    : "%s: the school could not be told now; it will "
                      "see that the device fell silent\n",
               kProgram);
  const absl::Status status = WriteWish("end");
  Wipe();
  return status;
}

absl::Status Farewell::WriteWish(const std::string& stage) {
  std::error_code error;
  fs::create_directories(folder_, error);
  const std::string path = folder_ + "/request.json";
  const absl::Status status = platform::ReplaceFile(
      path, Json({{"stage", stage}, {"token", token_}}).dump() + "\n", 0644);
  return status;
}

absl::Status Farewell::AskUplink(const std::string& stage,
                                 absl::Duration patience) {
  std::error_code error;
  fs::remove(folder_ + "/answer.json", error);
  if (absl::Status status = WriteWish(stage); !status.ok()) return status;
  Json answer;
  const bool answered = Await(patience, [&] {
    const auto text =
        platform::ReadWholeFile(folder_ + "/answer.json", kFileLimit);
    if (text.ok()) answer = Json::parse(*text, nullptr, false);
    // The uplink may have asked once more for what it was asked before: that
    // answer is none to this, and nothing may be wiped by it.
    return answer.is_object() && answer.value("stage", "") == stage;
  });
  if (!answered) {
    fs::remove(folder_ + "/request.json", error);
    return absl::UnavailableError(
        "collector: did not answer in time: is schoolgate-uplink running, with "
        "a network? Or use --force");
  }
  if (!answer.value("ok", false)) {
    fs::remove(folder_ + "/request.json", error);
    return absl::PermissionDeniedError(
        answer.value("why", std::string("collector: refused")));
  }
  receipt_ = answer.value("receipt", std::string());
  return absl::OkStatus();
}

// Asked over its socket, so that it needs no service manager. One that does
// not run needs not be ended.
void Farewell::EndAgent(const std::string& why) const {
  const Json question = {{"ask", "end"}, {"why", why}};
  if (!platform::AskLocal(config_.socket, question.dump()).ok()) return;
  (void)Await(kEndPatience, [this] {
    return !platform::AskLocal(config_.socket, "{\"ask\":\"status\"}").ok();
  });
}

uint64_t Farewell::Waiting() const {
  auto spool = platform::OpenDirectory(config_.spool_directory);
  return spool.ok() ? CountWaiting(**spool) : 0;
}

// Overwritten before it is unlinked, as far as the disk lets one.
void Shred(const fs::path& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file >= 0) {
    const std::string zeros(error ? 0 : std::min<uintmax_t>(size, 1 << 20),
                            '\0');
    if (pwrite(file, zeros.data(), zeros.size(), 0) >= 0) fsync(file);
    close(file);
  }
  fs::remove(path, error);
}

void Farewell::Wipe() const {
  std::error_code error;
  const std::string identity = config_.state_directory + "/identity";
  for (const auto& entry : fs::directory_iterator(identity, error)) {
    if (entry.is_regular_file(error)) Shred(entry.path());
  }
  fs::remove_all(config_.spool_directory, error);
  if (const absl::Status status = ReleaseBrowsers({}); !status.ok()) {
    platform::Complain(kProgram, status);
  }
  for (const char* name :
       {"rules", "incoming", "decommission", "identity", "uplink.json",
        "watched.json", "last-run.json", "browsers.json", "notices.json"}) {
    // The wish to end stays until the uplink has read it.
    if (options_.force && std::string_view(name) == "decommission") continue;
    fs::remove_all(config_.state_directory + "/" + name, error);
  }
}

// What the service keeps in the machine's memory about its people.
void ForgetPeople() {
  std::error_code error;
  for (const char* name : {"record", "visits"}) {
    fs::remove(std::string("/run/schoolgate/") + name, error);
  }
}

int Run(const Options& options) {
  const auto config = LoadAgentConfig(options.config);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  // First: others may not even see whether it is enrolled.
  if (geteuid() != 0) {
    return platform::Complain(
        kProgram,
        absl::PermissionDeniedError(
            "decommission: takes the device out of use: run as root"));
  }
  if (absl::IsNotFound(LoadIdentity(config->state_directory).status())) {
    std::printf("not enrolled: nothing to take out of use\n");
    return platform::kExitOk;
  }
  Farewell farewell(*config, options);
  const absl::Status status =
      options.force ? farewell.Forced() : farewell.WithToken();
  if (!status.ok()) return platform::Complain(kProgram, status);
  ForgetPeople();
  if (options.json) {
    std::printf(
        "%s\n",
        Json({{"decommissioned", true},
              {"forced", options.force},
              {"receipt", Json::parse(farewell.receipt(), nullptr, false)}})
            .dump()
            .c_str());
  } else if (options.force) {
    std::printf("keys, events and rules are wiped\n");
  } else {
    std::printf("taken out of use; keys, events and rules are wiped\n%s\n",
                farewell.receipt().c_str());
  }
  return platform::kExitOk;
}

}  // namespace

void AddDecommission(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "decommission",
      "Send what waits, wipe keys, events and rules, revoke this device at the "
      "school, and print the receipt");
  verb->add_option("--config", options->config, "Configuration file")
      ->capture_default_str();
  CLI::Option* token = verb->add_option("--token", options->token_file,
                                        "File with the school's removal token");
  CLI::Option* force = verb->add_flag(
      "--force", options->force,
      "Without the school's leave; it is told first, if it can be reached");
  force->excludes(token);
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, exit_code] {
    if (options->token_file.empty() && !options->force) {
      std::fprintf(stderr,
                   "%s: decommission: needs --token FILE, or --force: see %s "
                   "decommission --help\n",
                   kProgram, kProgram);
      *exit_code = platform::kExitUsage;
      return;
    }
    *exit_code = Run(*options);
  });
}

}  // namespace schoolgate::agent
