#include "agent/health/health.h"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <string_view>
#include <thread>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kFileLimit = 1 << 20;
constexpr size_t kMostUntold = 64;
constexpr mode_t kMode = 0600;
constexpr auto kBusPatience = std::chrono::seconds(1);

std::string FilesOf(const HealthOptions& options) {
  return options.state_directory + "/watched.json";
}
std::string NoteOf(const HealthOptions& options) {
  return options.state_directory + "/last-run.json";
}
// Left by whoever had to open the network while the agent could not start.
std::string OpenMarkOf(const HealthOptions& options) {
  return options.run_directory + "/network-open";
}

std::string HashOfProgram() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  if (!in) return "";
  seal::Hasher hasher;
  std::string chunk(65536, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         in.gcount() > 0) {
    hasher.Add({chunk.data(), static_cast<size_t>(in.gcount())});
  }
  return hasher.Finish();
}

}  // namespace

Health::Health(HealthOptions options, SelfTestWorld world)
    : options_(std::move(options)), test_(std::move(world)) {}

void Health::Begin(absl::Time wall, absl::Duration since_boot) {
  binary_hash_ = HashOfProgram();
  const auto remembered =
      platform::ReadWholeFile(FilesOf(options_), kFileLimit);
  remembered_ = remembered.ok() ? *remembered : "";
  files_ = std::make_unique<WatchedFiles>(FilesToWatch(options_.root),
                                          remembered_, SCHOOLGATE_VERSION);
  const auto note = platform::ReadWholeFile(NoteOf(options_), kFileLimit);
  if (const auto touched =
          JudgeLastRun(note.ok() ? ParseRunNote(*note) : std::nullopt,
                       options_.boot_id, since_boot)) {
    Tell(*touched, wall);
  }
  if (unlink(OpenMarkOf(options_).c_str()) == 0) {
    Tell({"network_opened", "the agent could not start"}, wall);
  }
}

void Health::Tick(absl::Time wall, absl::Duration since_boot, bool enforcing,
                  const std::string& bundle) {
  if (files_ == nullptr) Begin(wall, since_boot);
  if (sink_ != nullptr) {
    for (const auto& [touched, when] : std::exchange(untold_, {})) {
      Tell(touched, when);
    }
  }
  if (const auto step = clock_.Look(wall, since_boot)) Tell(*step, wall);
  if (since_boot >= next_look_) {
    next_look_ = since_boot + kLookEvery;
    LookAtFiles(wall);
  }
  TestWhenDue(wall, since_boot, enforcing, bundle);
  if (since_boot >= next_note_) {
    next_note_ = since_boot + kNoteEvery;
    Note(since_boot, false);
  }
}

void Health::LookAtFiles(absl::Time wall) {
  const auto installing = [this] {
    return IsInstalling(options_.root + "/var/lib/dpkg/status",
                        "schoolgate-agent");
  };
  for (const Touched& touched : files_->Look(installing)) Tell(touched, wall);
  std::string now = files_->Remembered();
  // What was not told yet must not be forgotten by a restart.
  if (now == remembered_ || !untold_.empty()) return;
  if (platform::ReplaceFile(FilesOf(options_), now, kMode).ok()) {
    remembered_ = std::move(now);
  }
}

void Health::TestWhenDue(absl::Time wall, absl::Duration now, bool enforcing,
                         const std::string& bundle) {
  if (!test_.under_way()) {
    std::string around = absl::StrCat(NetworkPrint(options_.root), bundle,
                                      enforcing ? "+" : "-");
    if (around == tested_ && now < next_test_) return;
    tested_ = std::move(around);
    next_test_ = now + kTestEvery;
    test_.Begin(enforcing, now);
    return;
  }
  const std::vector<v1::SelfTest> results = test_.Poll(now);
  if (results.empty()) return;
  selftest_ = InOneLine(results);
  for (const v1::SelfTest& result : results) {
    v1::Event event;
    *event.mutable_self_test() = result;
    event.mutable_self_test()->set_place(options_.place);
    event.set_lane(result.passed() ? v1::LANE_ROUTINE : v1::LANE_URGENT);
    Emit(std::move(event), wall);
  }
}

void Health::Tell(const Touched& touched, absl::Time wall) {
  if (sink_ == nullptr) {
    if (untold_.size() < kMostUntold) untold_.emplace_back(touched, wall);
    return;
  }
  v1::Event event;
  event.set_lane(v1::LANE_URGENT);
  event.mutable_tamper()->set_kind(touched.kind);
  event.mutable_tamper()->set_detail(touched.detail);
  Emit(std::move(event), wall);
}

void Health::Emit(v1::Event event, absl::Time wall) {
  if (sink_ == nullptr) return;
  event.set_time_unix_us(absl::ToUnixMicros(wall));
  sink_->Emit(std::move(event));
}

void Health::End(absl::Time wall, absl::Duration since_boot,
                 bool machine_goes_down) {
  if (!machine_goes_down) Tell({"service_stopping", ""}, wall);
  Note(since_boot, true);
}

void Health::Note(absl::Duration since_boot, bool ended) {
  // Kept as well as can be: a full disk must not stop the agent.
  (void)platform::ReplaceFile(
      NoteOf(options_), ToText({options_.boot_id, since_boot, ended}), kMode);
}

std::string NetworkPrint(const std::string& root) {
  std::string print;
  for (const char* path : {"/proc/net/route", "/proc/net/if_inet6"}) {
    std::ifstream in(root + path);
    std::ostringstream text;
    text << in.rdbuf();
    absl::StrAppend(&print, text.str());
  }
  return print;
}

namespace {

bool ServiceManagerStops() {
  sd_bus* bus = nullptr;
  char* state = nullptr;
  bool down = true;
  if (sd_bus_open_system(&bus) >= 0 &&
      sd_bus_get_property_string(bus, "org.freedesktop.systemd1",
                                 "/org/freedesktop/systemd1",
                                 "org.freedesktop.systemd1.Manager",
                                 "SystemState", nullptr, &state) >= 0) {
    down = std::string_view(state) == "stopping";
  }
  std::free(state);
  sd_bus_flush_close_unref(bus);
  return down;
}

}  // namespace

// On a thread of its own, for a bus that is going down may not answer at all.
bool MachineGoesDown() {
  auto answer = std::make_shared<std::promise<bool>>();
  std::future<bool> down = answer->get_future();
  std::thread([answer] { answer->set_value(ServiceManagerStops()); }).detach();
  return down.wait_for(kBusPatience) != std::future_status::ready || down.get();
}

}  // namespace schoolgate::agent
