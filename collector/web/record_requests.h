// Requests to read what is kept about a person (the right of access): who
// asks, who agrees, until when. A person who asks for their data is known to
// the school by name; here stands the alias alone.
//
//   asked -> agreed (read, for a while) -> over
//     \-> refused, withdrawn, over
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/web/request_book.h"

namespace schoolgate::collector {

inline constexpr absl::Duration kAgreeWithin = absl::Hours(24);
inline constexpr absl::Duration kReadWithin = absl::Hours(1);

enum class RecordState { kAsked, kAgreed, kRefused, kWithdrawn, kOver };

// "asked", "agreed", ...
const char* RecordStateWord(RecordState state);

struct RecordRequest {
  uint64_t id = 0;
  std::string school;
  std::string subject;              // alias
  std::string requester, approver;  // accounts
  std::string reason;
  RecordState state = RecordState::kAsked;
  absl::Duration until;  // since boot; when it ends by itself, or did
};

bool IsOpen(const RecordRequest& request);

nlohmann::json Written(const RecordRequest& request);
void ReadWritten(const nlohmann::json& written, RecordRequest* request);

// As RequestShelf. All calls first let requests end that are due. UNAVAILABLE
// beside what is named: the store is away.
class RecordRequests {
 public:
  // Borrows the store for life.
  explicit RecordRequests(PassingStore& store)
      : shelf_("record request", store) {}

  // Fills id, state and until. FAILED_PRECONDITION when somebody asks for the
  // same person already, RESOURCE_EXHAUSTED when too many wait.
  absl::StatusOr<RecordRequest> Ask(RecordRequest request, absl::Duration now);

  absl::StatusOr<RecordRequest> Get(uint64_t id, absl::Duration now);

  // FAILED_PRECONDITION unless it is asked, and of somebody else.
  absl::Status Agree(uint64_t id, const std::string& who, absl::Duration now);
  // FAILED_PRECONDITION unless it is asked or agreed.
  absl::Status End(uint64_t id, const std::string& who, RecordState state,
                   absl::Duration now);

  // What there is, oldest first; ended ones for an hour.
  absl::StatusOr<std::vector<RecordRequest>> All(absl::Duration now);

  // Those that nobody answered in time, as far as this collector saw it since
  // the last call, for the record.
  absl::StatusOr<std::vector<RecordRequest>> TakeUnanswered(absl::Duration now);

 private:
  using Book = RequestBook<RecordRequest>;
  absl::Status Change(uint64_t id, absl::Duration now,
                      absl::FunctionRef<absl::Status(RecordRequest&)> change);

  RequestShelf<RecordRequest> shelf_;
};

}  // namespace schoolgate::collector
