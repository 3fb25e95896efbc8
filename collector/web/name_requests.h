// Requests to open a name: who asks, who agrees, until when. What is kept here
// is what the two browsers send each other, sealed; nothing here can open it.
//
//   asked -> approved -> opened
//     \-> refused, withdrawn, expired
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/web/request_book.h"

namespace schoolgate::collector {

inline constexpr absl::Duration kApproveWithin = absl::Minutes(30);
inline constexpr absl::Duration kOpenWithin = absl::Minutes(30);

enum class NameState {
  kAsked,
  kApproved,
  kOpened,
  kRefused,
  kWithdrawn,
  kExpired
};

// "asked", "approved", ...
const char* NameStateWord(NameState state);

struct NameRequest {
  uint64_t id = 0;
  uint64_t alert = 0;
  std::string school;
  std::string requester, approver;  // accounts
  std::string reason;
  std::string requester_key;  // X25519 public, made for this request
  std::string sealed_login;   // to the school's key, as the device sent it
  std::string key_id;         // of that key
  std::string sealed_share;   // the approver's, to requester_key
  NameState state = NameState::kAsked;
  absl::Duration until;  // since boot; when it ends by itself, or did
};

bool IsOpen(const NameRequest& request);

nlohmann::json Written(const NameRequest& request);
void ReadWritten(const nlohmann::json& written, NameRequest* request);

// As RequestShelf. All calls first let requests expire. UNAVAILABLE beside
// what is named: the store is away.
class NameRequests {
 public:
  // Borrows the store for life.
  explicit NameRequests(PassingStore& store) : shelf_("name request", store) {}

  // Fills id, state and until. FAILED_PRECONDITION when somebody asks for the
  // same alert already, RESOURCE_EXHAUSTED when too many are open.
  absl::StatusOr<NameRequest> Ask(NameRequest request, absl::Duration now);
  // OK when Ask would be.
  absl::Status MayAsk(uint64_t alert, absl::Duration now);

  // NOT_FOUND.
  absl::StatusOr<NameRequest> Get(uint64_t id, absl::Duration now);

  // FAILED_PRECONDITION unless it is asked (approve), asked or approved
  // (end), approved (open). Open hands out what was sealed, once.
  absl::Status Approve(uint64_t id, const std::string& who,
                       const std::string& sealed_share, absl::Duration now);
  absl::Status End(uint64_t id, const std::string& who, NameState state,
                   absl::Duration now);
  absl::StatusOr<NameRequest> Open(uint64_t id, absl::Duration now);

  // What there is, oldest first; ended ones for an hour.
  absl::StatusOr<std::vector<NameRequest>> All(absl::Duration now);

  // Those that this collector saw expire since the last call of this, for the
  // record.
  absl::StatusOr<std::vector<NameRequest>> TakeExpired(absl::Duration now);

 private:
  using Book = RequestBook<NameRequest>;
  absl::Status Change(uint64_t id, absl::Duration now,
                      absl::FunctionRef<absl::Status(NameRequest&)> change);

  RequestShelf<NameRequest> shelf_;
};

}  // namespace schoolgate::collector
