// The port that devices and feed readers knock at: gRPC over TLS 1.3.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct DoorOptions {
  std::string address;  // "0.0.0.0:4780", "[::1]:0"
  std::string certificate_pem;
  std::string key_pem;
  std::string authority_pem;  // who may have signed a client's certificate
};

class Door {
 public:
  static constexpr int kMaxMessageBytes = 8 << 20;

  // The services are borrowed until the door is gone. UNAVAILABLE says which
  // address could not be had and what to do.
  static absl::StatusOr<std::unique_ptr<Door>> Open(
      const DoorOptions& options, const std::vector<grpc::Service*>& services);

  // Ends calls that are still open after `patience`.
  void Close(absl::Duration patience);

  ~Door();

  const std::string& address() const { return address_; }  // with its port

 private:
  Door(std::unique_ptr<grpc::Server> server, std::string address)
      : server_(std::move(server)), address_(std::move(address)) {}

  std::unique_ptr<grpc::Server> server_;
  const std::string address_;
};

}  // namespace schoolgate::collector
