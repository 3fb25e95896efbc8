// Who is at the other end of a call, by the certificate it showed; and how
// our statuses become gRPC's.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"

namespace schoolgate::collector {

// The common name of a verified client certificate; empty when there is none.
std::string PeerName(const grpc::CallbackServerContext& context);

// With the refusal's word in error_details.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace schoolgate::collector
