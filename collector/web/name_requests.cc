#include "collector/web/name_requests.h"

#include <utility>

namespace schoolgate::collector {
namespace {

constexpr size_t kMostRequests = 200;
constexpr absl::Duration kRemember = absl::Hours(1);

bool IsOpen(NameState state) {
  return state == NameState::kAsked || state == NameState::kApproved;
}

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
  for (auto& [id, request] : requests_) {
    if (!IsOpen(request.state) || now < request.until) continue;
    Close(&request, NameState::kExpired, now);
    expired_.push_back(request);
  }
  std::erase_if(requests_, [&](const auto& one) {
    return !IsOpen(one.second.state) && now - one.second.until >= kRemember;
  });
}

absl::StatusOr<NameRequest*> NameRequests::Find(uint64_t id,
                                                absl::Duration now) {
  Sweep(now);
  const auto found = requests_.find(id);
  if (found == requests_.end()) return absl::NotFoundError("no such request");
  return &found->second;
}

absl::Status NameRequests::MayAsk(uint64_t alert, absl::Duration now) {
  Sweep(now);
  for (const auto& [id, request] : requests_) {
    if (request.alert == alert && IsOpen(request.state)) {
      return absl::FailedPreconditionError(
          "Somebody has asked for this name already. Wait until that request "
          "is answered or ends.");
    }
  }
  if (requests_.size() >= kMostRequests) {
    return absl::ResourceExhaustedError(
        "There are too many requests. Wait until some have ended.");
  }
  return absl::OkStatus();
}

absl::StatusOr<NameRequest> NameRequests::Ask(NameRequest request,
                                              absl::Duration now) {
  if (absl::Status may = MayAsk(request.alert, now); !may.ok()) return may;
  request.id = ++last_id_;
  request.state = NameState::kAsked;
  request.until = now + kApproveWithin;
  return requests_[request.id] = std::move(request);
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
  if (!IsOpen((*request)->state)) return TooLate(**request);
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
  std::vector<NameRequest> all;
  for (const auto& [id, request] : requests_) all.push_back(request);
  return all;
}

std::vector<NameRequest> NameRequests::TakeExpired(absl::Duration now) {
  Sweep(now);
  return std::exchange(expired_, {});
}

}  // namespace schoolgate::collector
