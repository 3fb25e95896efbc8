#include "agent/run/spool_thread.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr std::chrono::milliseconds kTickInterval{250};
constexpr mode_t kBegunMode = 0600;

}  // namespace

SpoolThread::SpoolThread(std::unique_ptr<platform::Directory> directory,
                         std::unique_ptr<SpoolWriter> writer,
                         const platform::Clock& clock)
    : clock_(clock),
      directory_(std::move(directory)),
      writer_(std::move(writer)),
      thread_([this] { Work(); }) {}

SpoolThread::~SpoolThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void SpoolThread::Emit(v1::Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxQueued) {
      ++refused_;
      return;
    }
    queue_.push_back(std::move(event));
  }
  woken_.notify_one();
}

SpoolCounters SpoolThread::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

bool SpoolThread::has_room() const {
  const std::lock_guard lock(mutex_);
  return queue_.size() < kMaxQueued / 2;
}

uint64_t SpoolThread::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void SpoolThread::Work() {
  bool stopping = false;
  while (!stopping) {
    std::deque<v1::Event> taken;
    {
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, kTickInterval,
                      [&] { return stopping_ || !queue_.empty(); });
      taken.swap(queue_);
      stopping = stopping_;
    }
    for (v1::Event& event : taken) Append(std::move(event));
    writer_->Tick(clock_.SinceBoot());
    const std::lock_guard lock(mutex_);
    counters_ = writer_->counters();
  }
  (void)writer_->Sync();  // what fails here is lost as in a crash
}

void SpoolThread::Append(v1::Event event) {
  const v1::Lane lane = event.lane();
  const uint64_t number = event.sequence();
  if (event.has_self_report()) {
    v1::SelfReport& report = *event.mutable_self_report();
    const auto about = sequences_.find(report.about_sequence());
    report.set_about_sequence(about != sequences_.end() ? about->second : 0);
  }
  const auto position =
      writer_->Append(std::move(event), lane, clock_.SinceBoot());
  // A refusal is counted by the writer and told by a Gap event.
  if (number == 0 || !position.ok()) return;
  sequences_[number] = position->sequence;
  if (sequences_.size() > kMaxNumbers) sequences_.erase(sequences_.begin());
}

absl::StatusOr<std::unique_ptr<SpoolThread>> OpenSpool(
    const std::string& state_directory, const std::string& spool_directory,
    const Identity& identity, const std::string& boot_id,
    const platform::Clock& clock) {
  // Beside the spool, so that one that was emptied is known to have been.
  const std::string begun = state_directory + "/identity/spool_begun";
  const auto begun_by = platform::ReadWholeFile(begun, 64);
  const std::string key_file = state_directory + "/identity/signing.key";
  // Nobody would believe, or could read, what another key signed.
  std::error_code hidden;
  if (begun_by.ok() && *begun_by == identity.device + "\n" &&
      !std::filesystem::exists(key_file, hidden) && !hidden) {
    return absl::DataLossError(absl::StrCat(
        key_file,
        ": missing: the school could read nothing: restore it, or enrol anew "
        "with `schoolgate-uplink enrol --anew`"));
  }
  auto key = seal::LoadOrCreateSigningKey(key_file);
  if (!key.ok()) return key.status();
  auto directory = platform::OpenDirectory(spool_directory);
  if (!directory.ok()) return directory.status();
  auto writer = SpoolWriter::Start(**directory,
                                   {.device = identity.device,
                                    .collector_key = identity.sealing_key,
                                    .boot_id = boot_id,
                                    .was_used = begun_by.ok()},
                                   *key, clock.Now());
  if (!writer.ok()) return writer.status();
  (void)platform::ReplaceFile(begun, identity.device + "\n", kBegunMode);
  return std::make_unique<SpoolThread>(std::move(*directory),
                                       std::move(*writer), clock);
}

}  // namespace schoolgate::agent
