#include "agent/run/spool_thread.h"

#include <chrono>
#include <utility>

#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr std::chrono::milliseconds kTickInterval{250};

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
    for (v1::Event& event : taken) {
      const v1::Lane lane = event.lane();
      // A refusal is counted by the writer and told by a Gap event.
      (void)writer_->Append(std::move(event), lane, clock_.SinceBoot());
    }
    writer_->Tick(clock_.SinceBoot());
    const std::lock_guard lock(mutex_);
    counters_ = writer_->counters();
  }
  (void)writer_->Sync();  // what fails here is lost as in a crash
}

absl::StatusOr<std::unique_ptr<SpoolThread>> OpenSpool(
    const std::string& state_directory, const std::string& spool_directory,
    const Identity& identity, const std::string& boot_id,
    const platform::Clock& clock) {
  auto key =
      seal::LoadOrCreateSigningKey(state_directory + "/identity/signing.key");
  if (!key.ok()) return key.status();
  auto directory = platform::OpenDirectory(spool_directory);
  if (!directory.ok()) return directory.status();
  auto writer = SpoolWriter::Start(**directory,
                                   {.device = identity.device,
                                    .collector_key = identity.sealing_key,
                                    .boot_id = boot_id},
                                   *key, clock.Now());
  if (!writer.ok()) return writer.status();
  return std::make_unique<SpoolThread>(std::move(*directory),
                                       std::move(*writer), clock);
}

}  // namespace schoolgate::agent
