// Taking the device out of use, as asked for in STATE/decommission/request.json
// by `schoolgate-agent decommission`, and answered beside it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/uplink/identity_folder.h"

namespace schoolgate::agent {

struct RemovalWish {
  std::string stage;  // "ask": may I; "final": do it; "end": only stop
  std::string token;
};

// Nothing when nobody asked, or it is answered already.
std::optional<RemovalWish> ReadRemovalWish(const std::string& state_directory);

// The answer to the wish that was read; `receipt` is JSON or empty.
absl::Status AnswerRemovalWish(const std::string& state_directory,
                               const RemovalWish& wish,
                               const absl::Status& outcome,
                               const std::string& receipt);

// Asks the collector. On success *receipt is its receipt as JSON.
absl::Status AskToDecommission(const IdentityFolder& identity,
                               const std::string& device,
                               const RemovalWish& wish, absl::Time now,
                               grpc::Channel& channel,
                               grpc::ClientContext& context,
                               std::string* receipt);

}  // namespace schoolgate::agent
