// Alerts out over gRPC: a stream that goes on where the reader left off.
#pragma once

#include <memory>

#include "collector/policy/school_policies.h"
#include "collector/store/account_store.h"
#include "collector/store/alert_store.h"
#include "proto/alert.grpc.pb.h"

namespace schoolgate::collector {

// Readers show a client certificate whose name is "feed/NAME" (all schools),
// "feed/NAME/SCHOOL" (that one only) or "feed/NAME/SCHOOL/ACCOUNT" (what that
// account may see, and nothing once it is gone); a device's certificate is
// refused. Thread-safe; borrows the stores, of which that of the alerts must be
// closed before it goes.
class AlertFeed : public v1::AlertFeed::CallbackService {
 public:
  // A reader more costs a place here, not a thread.
  static constexpr int kMostReaders = 256;

  // `policies` may be null.
  AlertFeed(AlertStore& alerts, AccountStore& accounts,
            const SchoolPolicies* policies);
  ~AlertFeed() override;

  grpc::ServerWriteReactor<v1::Alert>* Watch(
      grpc::CallbackServerContext* context,
      const v1::WatchRequest* request) override;

  // Ends all streams and refuses new ones.
  void Stop();

  size_t readers() const;

 private:
  class Watchers;
  const std::unique_ptr<Watchers> watchers_;
};

}  // namespace schoolgate::collector
