// Alerts and what people did with them. Every change gets a new revision,
// which is the feed's cursor, and a line in the audit log.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

struct AlertQuery {
  std::string school;  // empty: all
  bool open_only = false;
  bool held_only = false;  // under a legal hold
  std::optional<v1::Severity> at_least;
  std::string subject;     // empty: any
  uint64_t before_id = 0;  // page: ids below this; 0 starts at the newest
  // Raised in [raised_from, raised_to).
  absl::Time raised_from = absl::InfinitePast();
  absl::Time raised_to = absl::InfiniteFuture();
  size_t limit = 100;
  // What reports count, as BriefOf makes it, of one school and one time and
  // no other condition; by when they were raised, the newest first.
  bool brief = false;
};

// Thread-safe.
class AlertStore {
 public:
  virtual ~AlertStore() = default;

  // Inserts (id 0) or replaces by id; fills id and revision. Durable when OK.
  virtual absl::StatusOr<v1::Alert> Put(v1::Alert alert) = 0;

  virtual absl::StatusOr<v1::Alert> Get(uint64_t id) = 0;  // NOT_FOUND

  // Changes a stored alert while no other Update runs: what a person wrote is
  // not lost to a program that renews the alert at the same moment. Everybody
  // who changes an alert that exists uses this, not Get and Put. An error
  // from `change` is returned and nothing is stored.
  virtual absl::StatusOr<v1::Alert> Update(
      uint64_t id, const std::function<absl::Status(v1::Alert*)>& change) {
    std::lock_guard lock(update_mutex_);
    absl::StatusOr<v1::Alert> alert = Get(id);
    if (!alert.ok()) return alert.status();
    if (absl::Status status = change(&*alert); !status.ok()) return status;
    return Put(*std::move(alert));
  }

  // By severity, then newest first.
  virtual absl::StatusOr<std::vector<v1::Alert>> Find(
      const AlertQuery& query) = 0;

  // Changes with a revision above `after`, oldest first.
  virtual absl::StatusOr<std::vector<v1::Alert>> ChangesAfter(uint64_t after,
                                                              size_t limit) = 0;

  // Erases closed alerts whose last evidence is older than `keep`, of one
  // school or (empty) of all. Returns how many. What is still open or under a
  // legal hold stays.
  virtual absl::StatusOr<uint64_t> Expire(absl::Time now, absl::Duration keep,
                                          const std::string& school) = 0;

  // Waits until a revision above `after` exists or `patience` is over;
  // returns the newest revision. Any number of threads may wait.
  virtual uint64_t WaitForChange(uint64_t after, absl::Duration patience) = 0;

  // Wakes all waiters for good (shutdown).
  virtual void Close() = 0;

 private:
  std::mutex update_mutex_;
};

// In one SQLite file, shared with the other small stores of the collector.
absl::StatusOr<std::unique_ptr<AlertStore>> OpenSqliteAlertStore(
    const std::string& file);

}  // namespace schoolgate::collector
