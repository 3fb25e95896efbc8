// A call that may take its time, on a thread of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "agent/uplink/bundle_fetch.h"
#include "agent/uplink/mailbox.h"

namespace schoolgate::agent {

// Its end is posted to the mailbox. Destroying it cancels the call and waits.
class Errand {
 public:
  // `work` runs on the errand's thread, the function that it returns on the
  // mailbox's.
  Errand(Mailbox& mailbox,
         std::function<std::function<void()>(const NewContext&)> work);
  ~Errand();

 private:
  grpc::ClientContext& Next();

  std::mutex mutex_;
  std::list<grpc::ClientContext> contexts_;  // guarded by mutex_
  bool cancelled_ = false;                   // guarded by mutex_
  std::thread thread_;
};

}  // namespace schoolgate::agent
