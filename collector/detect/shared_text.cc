#include "collector/detect/shared_text.h"

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace schoolgate::collector {

struct SharedText::Shared {
  std::string text;
  std::atomic<size_t> holders{1};
};

struct SharedText::Pool {
  absl::Mutex mutex;
  // Keys are views of the texts themselves.
  absl::flat_hash_map<std::string_view, Shared*> known ABSL_GUARDED_BY(mutex);
};

// Outlives whoever holds a text until the end of the program.
SharedText::Pool& SharedText::ThePool() {
  static Pool* const pool = new Pool;
  return *pool;
}

SharedText::SharedText(std::string_view text) {
  if (text.empty()) return;
  Pool& pool = ThePool();
  absl::MutexLock lock(&pool.mutex);
  if (const auto found = pool.known.find(text); found != pool.known.end()) {
    shared_ = found->second;
    shared_->holders.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  shared_ = new Shared{.text = std::string(text)};
  pool.known.emplace(shared_->text, shared_);
}

SharedText::SharedText(const std::string& text)
    : SharedText(std::string_view(text)) {}

SharedText::SharedText(const char* text) : SharedText(std::string_view(text)) {}

SharedText::SharedText(const SharedText& other) : shared_(other.shared_) {
  if (shared_ == nullptr) return;
  shared_->holders.fetch_add(1, std::memory_order_relaxed);
}

SharedText::SharedText(SharedText&& other) noexcept
    : shared_(std::exchange(other.shared_, nullptr)) {}

SharedText& SharedText::operator=(SharedText other) noexcept {
  std::swap(shared_, other.shared_);
  return *this;
}

// The last one goes under the lock: else it could be found while it goes.
SharedText::~SharedText() {
  if (shared_ == nullptr) return;
  size_t holders = shared_->holders.load(std::memory_order_relaxed);
  while (holders > 1) {
    if (shared_->holders.compare_exchange_weak(holders, holders - 1,
                                               std::memory_order_acq_rel)) {
      return;
    }
  }
  Pool& pool = ThePool();
  absl::MutexLock lock(&pool.mutex);
  if (shared_->holders.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  pool.known.erase(shared_->text);
  delete shared_;
}

const std::string& SharedText::str() const {
  static const std::string* const none = new std::string;
  return shared_ == nullptr ? *none : shared_->text;
}

size_t SharedText::held() {
  Pool& pool = ThePool();
  absl::MutexLock lock(&pool.mutex);
  return pool.known.size();
}

}  // namespace schoolgate::collector
