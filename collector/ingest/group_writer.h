// One thread that takes all that has queued up and writes it in one go: what
// many want durable costs one sync.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace schoolgate::collector {

// Thread-safe. `write` runs on the writer's thread, one call at a time, with
// at most `most` items in the order of their submission.
template <typename Item>
class GroupWriter {
 public:
  GroupWriter(size_t most, std::function<void(std::vector<Item>)> write)
      : most_(most), write_(std::move(write)), thread_([this] { Run(); }) {}

  // Writes what is queued, then ends.
  ~GroupWriter() { Stop(); }

  // False after Stop: the item was not taken.
  bool Submit(Item item) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      queue_.push_back(std::move(item));
    }
    wanted_.notify_one();
    return true;
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wanted_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wanted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::vector<Item> taken;
      if (queue_.size() <= most_) {
        taken.swap(queue_);
      } else {
        const auto end = queue_.begin() + static_cast<ptrdiff_t>(most_);
        taken.assign(std::move_iterator(queue_.begin()),
                     std::move_iterator(end));
        queue_.erase(queue_.begin(), end);
      }
      lock.unlock();
      write_(std::move(taken));
      lock.lock();
    }
  }

  const size_t most_;
  const std::function<void(std::vector<Item>)> write_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::vector<Item> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace schoolgate::collector
