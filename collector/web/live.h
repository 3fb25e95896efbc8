// Pushes each change of an alert to everybody who is looking, as server-sent
// events. One thread waits for the store; viewers hold no thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collector/store/alert_store.h"
#include "collector/web/api.h"

namespace schoolgate::collector {

// One open page. Thread-safe.
class LiveViewer {
 public:
  explicit LiveViewer(LiveTicket ticket) : ticket_(std::move(ticket)) {}

  // Copies what is waiting, at most `limit` bytes. 0 with *asleep: nothing
  // now; `sleep` was called and `wake` will be, once, when there is more.
  // 0 without: the feed has ended.
  size_t Read(char* to, size_t limit, const std::function<void()>& sleep,
              std::function<void()> wake, bool* asleep);

  // The connection is gone: `wake` will not be called again.
  void Leave();

 private:
  friend class LiveFeed;

  void Push(const std::string& text);
  void End();
  bool gone();

  const LiveTicket ticket_;
  std::mutex mutex_;
  std::string waiting_;
  std::function<void()> wake_;
  bool ended_ = false;
  bool gone_ = false;
  uint64_t seen_ = 0;  // revision; guarded by the feed's mutex
};

// Thread-safe.
class LiveFeed {
 public:
  // `api` says whether a session is still open, and tells names.
  LiveFeed(AlertStore& alerts, Api& api, const platform::Clock& clock);
  ~LiveFeed();

  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  // Starts with what changed after the ticket's revision. nullptr: too many.
  std::shared_ptr<LiveViewer> Join(LiveTicket ticket);

  // Ends every feed and the thread; may wait some seconds.
  void Stop();

  size_t viewers();

 private:
  void Run();
  void Publish(const std::vector<v1::Alert>& changes);
  void Beat();
  std::string Event(const v1::Alert& alert, const LiveViewer& viewer,
                    const Readers& everybody);

  AlertStore& alerts_;
  Api& api_;
  const platform::Clock& clock_;
  std::mutex mutex_;
  std::set<std::shared_ptr<LiveViewer>> viewers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace schoolgate::collector
