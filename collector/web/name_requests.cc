#include "collector/web/name_requests.h"

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

void Sweep(RequestBook<NameRequest>& book, absl::Duration now) {
  book.Sweep(now, [&](NameRequest& request) {
    Close(&request, NameState::kExpired, now);
    return true;
  });
}

absl::Status MayAskIn(const RequestBook<NameRequest>& book, uint64_t alert) {
  const std::vector<NameRequest> all = book.Copy();
  for (const NameRequest& request : all) {
    if (request.alert == alert && IsOpen(request)) {
      return absl::FailedPreconditionError(
          "Somebody has asked for this name already. Wait until that request "
          "is answered or ends.");
    }
  }
  if (all.size() >= kMostRequests) {
    return absl::ResourceExhaustedError(
        "There are too many requests. Wait until some have ended.");
  }
  return absl::OkStatus();
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

nlohmann::json Written(const NameRequest& request) {
  return {{"alert", request.alert},
          {"school", request.school},
          {"requester", request.requester},
          {"approver", request.approver},
          {"reason", request.reason},
          {"requester_key", request.requester_key},
          {"sealed_login", request.sealed_login},
          {"key_id", request.key_id},
          {"sealed_share", request.sealed_share},
          {"state", static_cast<int>(request.state)}};
}

void ReadWritten(const nlohmann::json& written, NameRequest* request) {
  request->alert = written.value("alert", uint64_t{0});
  request->school = written.value("school", "");
  request->requester = written.value("requester", "");
  request->approver = written.value("approver", "");
  request->reason = written.value("reason", "");
  request->requester_key = written.value("requester_key", "");
  request->sealed_login = written.value("sealed_login", "");
  request->key_id = written.value("key_id", "");
  request->sealed_share = written.value("sealed_share", "");
  request->state = static_cast<NameState>(
      written.value("state", static_cast<int>(NameState::kExpired)));
}

absl::Status NameRequests::Change(
    uint64_t id, absl::Duration now,
    absl::FunctionRef<absl::Status(NameRequest&)> change) {
  return shelf_.With<absl::Status>(now, [&](Book& book) -> absl::Status {
    Sweep(book, now);
    const absl::StatusOr<NameRequest*> request = book.Find(id);
    return request.ok() ? change(**request) : request.status();
  });
}

absl::Status NameRequests::MayAsk(uint64_t alert, absl::Duration now) {
  return shelf_.With<absl::Status>(now, [&](Book& book) {
    Sweep(book, now);
    return MayAskIn(book, alert);
  });
}

absl::StatusOr<NameRequest> NameRequests::Ask(NameRequest request,
                                              absl::Duration now) {
  using Asked = absl::StatusOr<NameRequest>;
  return shelf_.With<Asked>(now, [&](Book& book) -> Asked {
    Sweep(book, now);
    const absl::Status may = MayAskIn(book, request.alert);
    if (!may.ok()) return may;
    request.state = NameState::kAsked;
    request.until = now + kApproveWithin;
    return book.Add(request, now);
  });
}

absl::StatusOr<NameRequest> NameRequests::Get(uint64_t id, absl::Duration now) {
  NameRequest found;
  const absl::Status status = Change(id, now, [&](NameRequest& request) {
    found = request;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status NameRequests::Approve(uint64_t id, const std::string& who,
                                   const std::string& sealed_share,
                                   absl::Duration now) {
  return Change(id, now, [&](NameRequest& request) {
    if (request.state != NameState::kAsked) return TooLate(request);
    if (who == request.requester) {
      return absl::FailedPreconditionError(
          "You have asked for this yourself. A second senior person has to "
          "agree, from their own account.");
    }
    request.state = NameState::kApproved;
    request.approver = who;
    request.sealed_share = sealed_share;
    request.until = now + kOpenWithin;
    return absl::OkStatus();
  });
}

absl::Status NameRequests::End(uint64_t id, const std::string& who,
                               NameState state, absl::Duration now) {
  return Change(id, now, [&](NameRequest& request) {
    if (!IsOpen(request)) return TooLate(request);
    if (who != request.requester) request.approver = who;
    Close(&request, state, now);
    return absl::OkStatus();
  });
}

absl::StatusOr<NameRequest> NameRequests::Open(uint64_t id,
                                               absl::Duration now) {
  NameRequest handed_out;
  const absl::Status status = Change(id, now, [&](NameRequest& request) {
    if (request.state != NameState::kApproved) return TooLate(request);
    handed_out = request;
    Close(&request, NameState::kOpened, now);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  handed_out.state = NameState::kOpened;
  return handed_out;
}

absl::StatusOr<std::vector<NameRequest>> NameRequests::All(absl::Duration now) {
  using Every = absl::StatusOr<std::vector<NameRequest>>;
  return shelf_.With<Every>(now, [&](Book& book) -> Every {
    Sweep(book, now);
    return book.Copy();
  });
}

absl::StatusOr<std::vector<NameRequest>> NameRequests::TakeExpired(
    absl::Duration now) {
  const absl::StatusOr<std::vector<NameRequest>> all = All(now);
  if (!all.ok()) return all.status();
  return shelf_.TakeSwept();
}

}  // namespace schoolgate::collector
