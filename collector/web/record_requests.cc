#include "collector/web/record_requests.h"

#include <utility>

namespace schoolgate::collector {
namespace {

constexpr size_t kMostWaiting = 50;

absl::Status Ended() {
  return absl::FailedPreconditionError(
      "Somebody has answered or ended this request already.");
}

}  // namespace

bool IsOpen(const RecordRequest& request) {
  return request.state == RecordState::kAsked ||
         request.state == RecordState::kAgreed;
}

const char* RecordStateWord(RecordState state) {
  switch (state) {
    case RecordState::kAsked:
      return "asked";
    case RecordState::kAgreed:
      return "agreed";
    case RecordState::kRefused:
      return "refused";
    case RecordState::kWithdrawn:
      return "withdrawn";
    case RecordState::kOver:
      return "over";
  }
  return "unknown";
}

void RecordRequests::Sweep(absl::Duration now) {
  book_.Sweep(now, [&](RecordRequest& request) {
    if (request.state == RecordState::kAsked) unanswered_.push_back(request);
    request.state = RecordState::kOver;
    request.until = now;
  });
}

absl::StatusOr<RecordRequest*> RecordRequests::Find(uint64_t id,
                                                    absl::Duration now) {
  Sweep(now);
  return book_.Find(id);
}

absl::StatusOr<RecordRequest> RecordRequests::Ask(RecordRequest request,
                                                  absl::Duration now) {
  Sweep(now);
  size_t waiting = 0;
  for (const auto& [id, other] : book_.all()) {
    if (!IsOpen(other) || other.school != request.school) continue;
    ++waiting;
    if (other.subject == request.subject) {
      return absl::FailedPreconditionError(
          "Somebody has asked for this record already. Wait until that request "
          "is answered or ends.");
    }
  }
  if (waiting >= kMostWaiting) {
    return absl::ResourceExhaustedError(
        "There are too many requests. Wait until some have ended.");
  }
  request.state = RecordState::kAsked;
  request.until = now + kAgreeWithin;
  return book_.Add(std::move(request));
}

absl::StatusOr<RecordRequest> RecordRequests::Get(uint64_t id,
                                                  absl::Duration now) {
  const absl::StatusOr<RecordRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  return **request;
}

absl::Status RecordRequests::Agree(uint64_t id, const std::string& who,
                                   absl::Duration now) {
  const absl::StatusOr<RecordRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  if ((*request)->state != RecordState::kAsked) return Ended();
  if (who == (*request)->requester) {
    return absl::FailedPreconditionError(
        "You have asked for this yourself. Somebody else has to agree, from "
        "their own account.");
  }
  (*request)->state = RecordState::kAgreed;
  (*request)->approver = who;
  (*request)->until = now + kReadWithin;
  return absl::OkStatus();
}

absl::Status RecordRequests::End(uint64_t id, const std::string& who,
                                 RecordState state, absl::Duration now) {
  const absl::StatusOr<RecordRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  if (!IsOpen(**request)) return Ended();
  if (who != (*request)->requester) (*request)->approver = who;
  (*request)->state = state;
  (*request)->until = now;
  return absl::OkStatus();
}

std::vector<RecordRequest> RecordRequests::All(absl::Duration now) {
  Sweep(now);
  return book_.Copy();
}

std::vector<RecordRequest> RecordRequests::TakeUnanswered(absl::Duration now) {
  Sweep(now);
  return std::exchange(unanswered_, {});
}

}  // namespace schoolgate::collector
