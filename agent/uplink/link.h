// One Connect stream to the collector.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>

#include "proto/uplink.grpc.pb.h"

namespace schoolgate::agent {

// Called on gRPC's threads, one at a time; on_closed is the last. They must
// not wait, nor touch the Link.
struct LinkEvents {
  std::function<void(v1::ToDevice)> on_message;
  std::function<void()> on_written;
  std::function<void(grpc::Status)> on_closed;
};

// Used from one thread.
class Link {
 public:
  // Starts to connect; a failure comes as on_closed.
  Link(std::shared_ptr<grpc::Channel> channel, LinkEvents events);
  // Cancels, and waits until on_closed has returned.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // One at a time: not before on_written has told of the one before.
  void Send(v1::FromDevice message);

  // Ends the stream at once, also when the other end does not answer.
  void HangUp();

 private:
  class Stream;
  const std::unique_ptr<v1::Uplink::Stub> stub_;
  const std::unique_ptr<Stream> stream_;
};

}  // namespace schoolgate::agent
