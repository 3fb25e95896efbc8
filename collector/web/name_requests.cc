#include "collector/web/name_requests.h"

#include <utility>

namespace schoolgate::collector {
namespace {

constexpr size_t kMostRequests = 200;

void Close(NameRequest* request, NameState state, absl::Duration now) {
  request->state = state;
  request->until = now;
  request->sealed_login.clear();
  request->sealed_share.clear();
}

absl::Status TooLate(const NameRequest& request) {
  switch (request.state) {
    case NameState::kExpired:
      return absl::FailedPreconditionError(
          "The time for this request is over. Ask again if the name is still "
          "needed.");
    case NameState::kAsked:
      return absl::FailedPreconditionError(
          "A second senior person has to agree first.");
    default:
      return absl::FailedPreconditionError(
          "Somebody has answered or ended this request already.");
  }
}

}  // namespace

bool IsOpen(const NameRequest& request) {
  return request.state == NameState::kAsked ||
         request.state == NameState::kApproved;
}

const char* NameStateWord(NameState state) {
  switch (state) {
    case NameState::kAsked:
      return "asked";
    case NameState::kApproved:
      return "approved";
    case NameState::kOpened:
      return "opened";
    case NameState::kRefused:
      return "refused";
    case NameState::kWithdrawn:
      return "withdrawn";
    case NameState::kExpired:
      return "expired";
  }
  return "unknown";
}

void NameRequests::Sweep(absl::Duration now) {
  book_.Sweep(now, [&](NameRequest& request) {
    Close(&request, NameState::kExpired, now);
    expired_.push_back(request);
  });
}

absl::StatusOr<NameRequest*> NameRequests::Find(uint64_t id,
                                                absl::Duration now) {
  Sweep(now);
  return book_.Find(id);
}

absl::Status NameRequests::MayAsk(uint64_t alert, absl::Duration now) {
  Sweep(now);
  for (const auto& [id, request] : book_.all()) {
    if (request.alert == alert && IsOpen(request)) {
      return absl::FailedPreconditionError(
          "Somebody has asked for this name already. Wait until that request "
          "is answered or ends.");
    }
  }
  if (book_.all().size() >= kMostRequests) {
    return absl::ResourceExhaustedError(
        "There are too many requests. Wait until some have ended.");
  }
  return absl::OkStatus();
}

absl::StatusOr<NameRequest> NameRequests::Ask(NameRequest request,
                                              absl::Duration now) {
  if (absl::Status may = MayAsk(request.alert, now); !may.ok()) return may;
  request.state = NameState::kAsked;
  request.until = now + kApproveWithin;
  return book_.Add(std::move(request));
}

absl::StatusOr<NameRequest> NameRequests::Get(uint64_t id, absl::Duration now) {
  const absl::StatusOr<NameRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  return **request;
}

absl::Status NameRequests::Approve(uint64_t id, const std::string& who,
                                   const std::string& sealed_share,
                                   absl::Duration now) {
  const absl::StatusOr<NameRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  if ((*request)->state != NameState::kAsked) return TooLate(**request);
  if (who == (*request)->requester) {
    return absl::FailedPreconditionError(
        "You have asked for this yourself. A second senior person has to "
        "agree, from their own account.");
  }
  (*request)->state = NameState::kApproved;
  (*request)->approver = who;
  (*request)->sealed_share = sealed_share;
  (*request)->until = now + kOpenWithin;
  return absl::OkStatus();
}

absl::Status NameRequests::End(uint64_t id, const std::string& who,
                               NameState state, absl::Duration now) {
  const absl::StatusOr<NameRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  if (!IsOpen(**request)) return TooLate(**request);
  if (who != (*request)->requester) (*request)->approver = who;
  Close(*request, state, now);
  return absl::OkStatus();
}

absl::StatusOr<NameRequest> NameRequests::Open(uint64_t id,
                                               absl::Duration now) {
  const absl::StatusOr<NameRequest*> request = Find(id, now);
  if (!request.ok()) return request.status();
  if ((*request)->state != NameState::kApproved) return TooLate(**request);
  NameRequest handed_out = **request;
  Close(*request, NameState::kOpened, now);
  handed_out.state = NameState::kOpened;
  return handed_out;
}

std::vector<NameRequest> NameRequests::All(absl::Duration now) {
  Sweep(now);
  return book_.Copy();
}

std::vector<NameRequest> NameRequests::TakeExpired(absl::Duration now) {
  Sweep(now);
  return std::exchange(expired_, {});
}

}  // namespace schoolgate::collector
