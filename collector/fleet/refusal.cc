#include "collector/fleet/refusal.h"

#include "absl/strings/cord.h"

namespace schoolgate::collector {
namespace {

constexpr char kWord[] = "schoolgate/word";

}  // namespace

absl::Status Refuse(absl::StatusCode code, const std::string& word,
                    const std::string& message) {
  absl::Status status(code, message);
  status.SetPayload(kWord, absl::Cord(word));
  return status;
}

std::string RefusalWord(const absl::Status& status) {
  const absl::optional<absl::Cord> word = status.GetPayload(kWord);
  return word ? std::string(*word) : std::string();
}

}  // namespace schoolgate::collector
