#include "agent/health/health.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/health/browser_policies.h"
#include "agent/health/last_run.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kFileLimit = 1 << 20;
constexpr size_t kMarkLimit = 4096;
constexpr mode_t kMode = 0600;

std::string FilesOf(const HealthOptions& options) {
  return options.state_directory + "/watched.json";
}
std::string NoteOf(const HealthOptions& options) {
  return options.state_directory + "/last-run.json";
}

std::string HashOfProgram(const std::atomic<bool>& stop) {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  if (!in) return "";
  seal::Hasher hasher;
  std::string chunk(65536, '\0');
  while (!stop &&
         (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
          in.gcount() > 0)) {
    hasher.Add({chunk.data(), static_cast<size_t>(in.gcount())});
  }
  return hasher.Finish();
}

}  // namespace

Health::Health(HealthOptions options, FilterCheckWorld world,
               Incidents& incidents)
    : options_(std::move(options)),
      incidents_(incidents),
      check_(std::move(world)) {}

Health::~Health() { ending_ = true; }

void Health::TestAt(absl::Duration when) {
  next_test_ = when;
  asked_for_ = true;
}

bool Health::looking() const { return look_.valid(); }

void Health::Tick(absl::Time wall, absl::Duration since_boot,
                  const HealthFacts& facts) {
  if (!past_told_) TellPast(since_boot);
  if (marked_) ForgetMark();
  if (const auto step = clock_.Look(wall, since_boot)) Tell(*step);
  LookAtFiles(since_boot, facts.harden_browsers);
  Test(since_boot, facts);
}

// What happened to the run before this one.
void Health::TellPast(absl::Duration since_boot) {
  past_told_ = true;
  const auto note = platform::ReadWholeFile(NoteOf(options_), kFileLimit);
  if (const auto touched =
          JudgeLastRun(note.ok() ? ParseRunNote(*note) : std::nullopt,
                       options_.boot_id, since_boot, options_.last_end)) {
    Tell(*touched);
  } else if (!options_.last_end.empty()) {
    incidents_.SelfTest(
        "agent", false,
        absl::StrCat("the run before this one ", options_.last_end));
  }
  const auto mark = platform::ReadWholeFile(options_.opened_mark, kMarkLimit);
  if (!mark.ok()) return;
  marked_ = true;
  incidents_.Tamper("network_opened", *mark);
}

void Health::ForgetMark() {
  if (!incidents_.all_told()) return;
  unlink(options_.opened_mark.c_str());
  marked_ = false;
}

void Health::LookAtFiles(absl::Duration now, bool harden_browsers) {
  if (look_.valid()) {
    if (look_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return;
    }
    Look look = look_.get();
    for (const Touched& touched : look.touched) Tell(touched);
    if (!look.binary_hash.empty()) binary_hash_ = std::move(look.binary_hash);
    browsers_ = std::move(look.browsers);
    // What was not told yet must not be forgotten by a restart.
    if (incidents_.all_told()) to_remember_ = std::move(look.remembered);
  }
  if (now < next_look_) return;
  next_look_ = now + kLookEvery;
  const bool note = now >= next_note_;
  if (note) next_note_ = now + kNoteEvery;
  look_ = std::async(std::launch::async, [this, now, note, harden_browsers] {
    if (note) Note(now, false);
    KeepRemembered();
    return ReadFiles(harden_browsers);
  });
}

Health::Look Health::ReadFiles(bool harden_browsers) {
  Look look;
  if (files_ == nullptr) {
    const auto remembered =
        platform::ReadWholeFile(FilesOf(options_), kFileLimit);
    files_ = std::make_unique<WatchedFiles>(FilesToWatch(options_.root),
                                            remembered.ok() ? *remembered : "",
                                            SCHOOLGATE_VERSION, ending_);
    look.binary_hash = HashOfProgram(ending_);
  }
  const auto installing = [this] {
    return IsInstalling(options_.root + "/var/lib/dpkg/status",
                        "schoolgate-agent");
  };
  look.touched = files_->Look(installing, harden_browsers);
  look.browsers = LookAtBrowsers({options_.root}, harden_browsers);
  look.remembered = files_->Remembered();
  return look;
}

void Health::KeepRemembered() {
  if (to_remember_ == remembered_) return;
  if (platform::ReplaceFile(FilesOf(options_), to_remember_, kMode).ok()) {
    remembered_ = to_remember_;
  }
}

void Health::Test(absl::Duration now, const HealthFacts& facts) {
  if (check_.under_way()) {
    const std::vector<CheckResult> results = check_.Poll(now);
    if (!results.empty()) OnTested(results, now);
  }
  if (now < next_test_ || !facts.has_rules) return;
  next_test_ = now + kTestEvery;
  check_.Begin(facts.enforcing, now);
}

// Kept as a record; a failure that lasts is told when it changes, not each
// minute.
void Health::OnTested(const std::vector<CheckResult>& results,
                      absl::Duration now) {
  const std::string before = std::exchange(selftest_, InOneLine(results));
  const bool passed = selftest_ == "pass";
  if (std::exchange(asked_for_, passed) || selftest_ != before) {
    for (const CheckResult& result : results) {
      incidents_.SelfTest(result.what, result.passed, result.detail);
    }
  }
  if (!passed) next_test_ = std::min(next_test_, now + kTestAgain);
}

void Health::Tell(const Touched& touched) {
  incidents_.Tamper(touched.kind, touched.detail);
}

void Health::End(absl::Duration since_boot, bool machine_goes_down) {
  if (!machine_goes_down) Tell({"service_stopping", ""});
  ending_ = true;
  if (look_.valid()) look_.wait();
  KeepRemembered();
  Note(since_boot, true);
}

void Health::Note(absl::Duration since_boot, bool ended) {
  // Kept as well as can be: a full disk must not stop the agent.
  (void)platform::ReplaceFile(
      NoteOf(options_), ToText({options_.boot_id, since_boot, ended}), kMode);
}

}  // namespace schoolgate::agent
