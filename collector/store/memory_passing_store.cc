#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "collector/store/passing_store.h"

namespace schoolgate::collector {
namespace {

class MemoryPassingStore : public PassingStore {
 public:
  absl::StatusOr<Passing> Get(const std::string& kind, const std::string& key,
                              absl::Duration now) override {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find({kind, key});
    if (found == kept_.end()) return absl::NotFoundError("none");
    return As(found, now);
  }

  absl::StatusOr<Passing> Take(const std::string& kind, const std::string& key,
                               absl::Duration now) override {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find({kind, key});
    if (found == kept_.end()) return absl::NotFoundError("none");
    Passing taken = As(found, now);
    kept_.erase(found);
    return taken;
  }

  absl::Status Touch(const std::string& kind, const std::string& key,
                     absl::Duration now) override {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find({kind, key});
    if (found != kept_.end()) found->second.used = now;
    return absl::OkStatus();
  }

  absl::Status Change(
      const std::string& kind, absl::Duration now,
      absl::FunctionRef<void(std::vector<Passing>&)> change) override {
    const std::lock_guard lock(mutex_);
    std::vector<Passing> all;
    const auto first = kept_.lower_bound({kind, ""});
    auto last = first;
    for (; last != kept_.end() && last->first.first == kind; ++last) {
      all.push_back(As(last, now));
    }
    std::stable_sort(
        all.begin(), all.end(),
        [](const Passing& a, const Passing& b) { return a.age > b.age; });
    change(all);
    kept_.erase(first, last);
    for (Passing& one : all) {
      kept_[{kind, one.key}] = {std::move(one.owner), std::move(one.body),
                                now - one.age, now - one.quiet};
    }
    return absl::OkStatus();
  }

 private:
  struct Kept {
    std::string owner, body;
    absl::Duration begun, used;  // since boot
  };
  using All = std::map<std::pair<std::string, std::string>, Kept>;

  static Passing As(All::const_iterator one, absl::Duration now) {
    const Kept& kept = one->second;
    return {one->first.second, kept.owner, kept.body, now - kept.begun,
            now - kept.used};
  }

  std::mutex mutex_;
  All kept_;  // by kind and key
};

}  // namespace

std::unique_ptr<PassingStore> MakeMemoryPassingStore() {
  return std::make_unique<MemoryPassingStore>();
}

}  // namespace schoolgate::collector
