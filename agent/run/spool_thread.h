// Events off the thread that sees packets: a short queue, and a thread that
// may wait for the disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/statusor.h"
#include "agent/decide/event_sink.h"
#include "agent/decide/identity.h"
#include "agent/spool/spool_writer.h"
#include "platform/clock.h"

namespace schoolgate::agent {

// Emit and counters are thread-safe and never wait for the disk.
class SpoolThread : public EventSink {
 public:
  // Borrows the clock; owns the directory and the writer.
  SpoolThread(std::unique_ptr<platform::Directory> directory,
              std::unique_ptr<SpoolWriter> writer,
              const platform::Clock& clock);

  // Writes what is queued and makes it durable.
  ~SpoolThread() override;

  // An event beyond kMaxQueued is counted as refused: a disk that does not
  // answer must not eat the memory.
  void Emit(v1::Event event) override;

  SpoolCounters counters() const;

  // Whether another burst of events would fit.
  bool has_room() const;
  uint64_t refused() const;

 private:
  static constexpr size_t kMaxQueued = 16'384;
  static constexpr size_t kMaxNumbers = 4096;

  void Work();
  void Append(v1::Event event);

  const platform::Clock& clock_;
  const std::unique_ptr<platform::Directory> directory_;
  // The thread's alone.
  const std::unique_ptr<SpoolWriter> writer_;
  std::map<uint64_t, uint64_t> sequences_;  // by the caller's own numbers

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<v1::Event> queue_;  // guarded by mutex_
  SpoolCounters counters_;       // guarded by mutex_
  uint64_t refused_ = 0;         // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_

  std::thread thread_;
};

// Opens the spool folder for a device that is enrolled, with the signing key
// of its state folder.
absl::StatusOr<std::unique_ptr<SpoolThread>> OpenSpool(
    const std::string& state_directory, const std::string& spool_directory,
    const Identity& identity, const std::string& boot_id,
    const platform::Clock& clock);

}  // namespace schoolgate::agent
