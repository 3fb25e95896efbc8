#include "collector/ingest/peer.h"

#include "collector/fleet/refusal.h"

namespace schoolgate::collector {

std::string PeerName(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr) return "";
  const auto names = auth->FindPropertyValues("x509_common_name");
  if (names.size() != 1) return "";
  return std::string(names[0].data(), names[0].size());
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The numbers of the two are the same by design.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()), RefusalWord(status));
}

}  // namespace schoolgate::collector
