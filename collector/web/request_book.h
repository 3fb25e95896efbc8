// Requests that a second person has to agree to, each of which ends by itself:
// what NameRequests and RecordRequests have in common.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

// Not thread-safe. In memory only: a restart ends all requests, as it ends all
// sessions. Times are since boot. `Request` has an id and an `until`, and
// IsOpen(request) finds whether it can still be answered.
template <typename Request>
class RequestBook {
 public:
  // Open requests whose time is over, to be closed; ended ones are forgotten
  // after an hour.
  void Sweep(absl::Duration now, absl::FunctionRef<void(Request&)> close) {
    for (auto& [id, request] : requests_) {
      if (IsOpen(request) && now >= request.until) close(request);
    }
    std::erase_if(requests_, [&](const auto& one) {
      return !IsOpen(one.second) && now - one.second.until >= absl::Hours(1);
    });
  }

  // With the next id.
  Request& Add(Request request) {
    request.id = ++last_id_;
    return requests_[request.id] = std::move(request);
  }

  // NOT_FOUND; or nullptr never.
  absl::StatusOr<Request*> Find(uint64_t id) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) return absl::NotFoundError("no such request");
    return &found->second;
  }

  // By id, which is by age.
  const std::map<uint64_t, Request>& all() const { return requests_; }

  std::vector<Request> Copy() const {
    std::vector<Request> copy;
    for (const auto& [id, request] : requests_) copy.push_back(request);
    return copy;
  }

 private:
  uint64_t last_id_ = 0;
  std::map<uint64_t, Request> requests_;
};

}  // namespace schoolgate::collector
