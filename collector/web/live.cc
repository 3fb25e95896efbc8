#include "collector/web/live.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kViewers = 1000;
constexpr size_t kWaitingBytes = 1 << 20;  // beyond: the viewer starts again
constexpr size_t kChangesAtOnce = 200;
constexpr size_t kCatchUp = 1000;  // further behind: load the list again
constexpr absl::Duration kPatience = absl::Seconds(1);
// When the store is closed or fails it does not wait: then this thread does.
constexpr std::chrono::milliseconds kPause{50};
constexpr int kBeatEvery = 10;  // times kPatience

}  // namespace

size_t LiveViewer::Read(char* to, size_t limit,
                        const std::function<void()>& sleep,
                        std::function<void()> wake, bool* asleep) {
  std::lock_guard lock(mutex_);
  *asleep = false;
  const size_t size = std::min(limit, waiting_.size());
  if (size != 0) {
    std::memcpy(to, waiting_.data(), size);
    waiting_.erase(0, size);
    return size;
  }
  if (ended_) return 0;
  *asleep = true;
  wake_ = std::move(wake);
  sleep();
  return 0;
}

void LiveViewer::Leave() {
  std::lock_guard lock(mutex_);
  gone_ = true;
  wake_ = nullptr;
}

void LiveViewer::Push(const std::string& text) {
  std::lock_guard lock(mutex_);
  if (gone_ || ended_) return;
  if (waiting_.size() + text.size() > kWaitingBytes) {
    waiting_.clear();
    ended_ = true;
  } else {
    waiting_ += text;
  }
  if (wake_) std::exchange(wake_, nullptr)();
}

void LiveViewer::End() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  if (wake_) std::exchange(wake_, nullptr)();
}

bool LiveViewer::gone() {
  std::lock_guard lock(mutex_);
  return gone_ || ended_;
}

LiveFeed::LiveFeed(AlertStore& alerts, Api& api, const platform::Clock& clock)
    : alerts_(alerts), api_(api), clock_(clock), thread_([this] { Run(); }) {}

LiveFeed::~LiveFeed() { Stop(); }

void LiveFeed::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  std::lock_guard lock(mutex_);
  for (const auto& viewer : viewers_) viewer->End();
  viewers_.clear();
}

size_t LiveFeed::viewers() {
  std::lock_guard lock(mutex_);
  return viewers_.size();
}

std::string LiveFeed::Event(const v1::Alert& alert, const LiveViewer& viewer,
                            const Readers& everybody) {
  const Sight sight = SightOf(viewer.ticket_.viewer, alert, everybody);
  if (sight == Sight::kNothing) return "";
  const Response body =
      JsonAnswer(AlertJson(alert, sight, false, [this](const auto& name) {
        return api_.NameOf(name);
      }));
  return absl::StrCat("id: ", alert.revision(),
                      "\nevent: alert\ndata: ", body.body, "\n\n");
}

std::shared_ptr<LiveViewer> LiveFeed::Join(LiveTicket ticket) {
  auto viewer = std::make_shared<LiveViewer>(std::move(ticket));
  // Under the feed's lock, so that no change falls between what is read here
  // and what the thread publishes.
  std::lock_guard lock(mutex_);
  if (stopping_ || viewers_.size() >= kViewers) return nullptr;
  viewer->seen_ = viewer->ticket_.after;
  viewer->Push("retry: 2000\nevent: open\ndata: {}\n\n");
  const Readers everybody = api_.Everybody();
  auto missed = alerts_.ChangesAfter(viewer->seen_, kCatchUp);
  if (missed.ok() && missed->size() < kCatchUp) {
    for (const v1::Alert& alert : *missed) {
      viewer->Push(Event(alert, *viewer, everybody));
      viewer->seen_ = std::max(viewer->seen_, alert.revision());
    }
  } else {
    viewer->seen_ = alerts_.WaitForChange(0, absl::ZeroDuration());
    viewer->Push(
        absl::StrCat("id: ", viewer->seen_, "\nevent: reload\ndata: {}\n\n"));
  }
  viewers_.insert(viewer);
  return viewer;
}

void LiveFeed::Publish(const std::vector<v1::Alert>& changes) {
  const Readers everybody = api_.Everybody();
  std::lock_guard lock(mutex_);
  for (const auto& viewer : viewers_) {
    std::string text;
    for (const v1::Alert& alert : changes) {
      if (alert.revision() <= viewer->seen_) continue;
      viewer->seen_ = alert.revision();
      text += Event(alert, *viewer, everybody);
    }
    if (text.empty()) continue;
    if (api_.SessionAlive(viewer->ticket_.session_key)) {
      viewer->Push(text);
    } else {
      viewer->End();
    }
  }
}

// Keeps connections open, finds dead ones and ended sessions.
void LiveFeed::Beat() {
  std::lock_guard lock(mutex_);
  std::erase_if(viewers_, [](const auto& viewer) { return viewer->gone(); });
  for (const auto& viewer : viewers_) {
    if (api_.SessionAlive(viewer->ticket_.session_key)) {
      viewer->Push("event: beat\ndata: {}\n\n");
    } else {
      viewer->Push("event: over\ndata: {}\n\n");
      viewer->End();
    }
  }
}

void LiveFeed::Run() {
  uint64_t seen = alerts_.WaitForChange(0, absl::ZeroDuration());
  int quiet = 0;
  while (!stopping_) {
    const absl::Duration before = clock_.SinceBoot();
    const uint64_t newest = alerts_.WaitForChange(seen, kPatience);
    if (newest <= seen) {
      if (clock_.SinceBoot() - before < kPatience / 2)
        std::this_thread::sleep_for(kPause);
      if (++quiet % kBeatEvery == 0) Beat();
      continue;
    }
    auto changes = alerts_.ChangesAfter(seen, kChangesAtOnce);
    if (!changes.ok() || changes->empty()) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    Publish(*changes);
    seen = changes->back().revision();
  }
}

}  // namespace schoolgate::collector
