#include "collector/web/record_requests.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostWaiting = 50;

absl::Status Ended() {
  return absl::FailedPreconditionError(
      "Somebody has answered or ended this request already.");
}

void Sweep(RequestBook<RecordRequest>& book, absl::Duration now) {
  book.Sweep(now, [&](RecordRequest& request) {
    const bool unanswered = request.state == RecordState::kAsked;
    request.state = RecordState::kOver;
    request.until = now;
    return unanswered;
  });
}

absl::Status MayAskIn(const RequestBook<RecordRequest>& book,
                      const RecordRequest& request) {
  size_t waiting = 0;
  for (const RecordRequest& other : book.Copy()) {
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
  return absl::OkStatus();
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

nlohmann::json Written(const RecordRequest& request) {
  return {{"school", request.school},
          {"subject", request.subject},
          {"requester", request.requester},
          {"approver", request.approver},
          {"reason", request.reason},
          {"state", static_cast<int>(request.state)}};
}

void ReadWritten(const nlohmann::json& written, RecordRequest* request) {
  request->school = written.value("school", "");
  request->subject = written.value("subject", "");
  request->requester = written.value("requester", "");
  request->approver = written.value("approver", "");
  request->reason = written.value("reason", "");
  request->state = static_cast<RecordState>(
      written.value("state", static_cast<int>(RecordState::kOver)));
}

absl::Status RecordRequests::Change(
    uint64_t id, absl::Duration now,
    absl::FunctionRef<absl::Status(RecordRequest&)> change) {
  return shelf_.With<absl::Status>(now, [&](Book& book) -> absl::Status {
    Sweep(book, now);
    const absl::StatusOr<RecordRequest*> request = book.Find(id);
    return request.ok() ? change(**request) : request.status();
  });
}

absl::StatusOr<RecordRequest> RecordRequests::Ask(RecordRequest request,
                                                  absl::Duration now) {
  using Asked = absl::StatusOr<RecordRequest>;
  return shelf_.With<Asked>(now, [&](Book& book) -> Asked {
    Sweep(book, now);
    const absl::Status may = MayAskIn(book, request);
    if (!may.ok()) return may;
    request.state = RecordState::kAsked;
    request.until = now + kAgreeWithin;
    return book.Add(request, now);
  });
}

absl::StatusOr<RecordRequest> RecordRequests::Get(uint64_t id,
                                                  absl::Duration now) {
  RecordRequest found;
  const absl::Status status = Change(id, now, [&](RecordRequest& request) {
    found = request;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status RecordRequests::Agree(uint64_t id, const std::string& who,
                                   absl::Duration now) {
  return Change(id, now, [&](RecordRequest& request) {
    if (request.state != RecordState::kAsked) return Ended();
    if (who == request.requester) {
      return absl::FailedPreconditionError(
          "You have asked for this yourself. Somebody else has to agree, from "
          "their own account.");
    }
    request.state = RecordState::kAgreed;
    request.approver = who;
    request.until = now + kReadWithin;
    return absl::OkStatus();
  });
}

absl::Status RecordRequests::End(uint64_t id, const std::string& who,
                                 RecordState state, absl::Duration now) {
  return Change(id, now, [&](RecordRequest& request) {
    if (!IsOpen(request)) return Ended();
    if (who != request.requester) request.approver = who;
    request.state = state;
    request.until = now;
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<RecordRequest>> RecordRequests::All(
    absl::Duration now) {
  using Every = absl::StatusOr<std::vector<RecordRequest>>;
  return shelf_.With<Every>(now, [&](Book& book) -> Every {
    Sweep(book, now);
    return book.Copy();
  });
}

absl::StatusOr<std::vector<RecordRequest>> RecordRequests::TakeUnanswered(
    absl::Duration now) {
  const absl::StatusOr<std::vector<RecordRequest>> all = All(now);
  if (!all.ok()) return all.status();
  return shelf_.TakeSwept();
}

}  // namespace schoolgate::collector
