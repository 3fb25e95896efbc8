#include "agent/uplink/errand.h"

#include <utility>

namespace schoolgate::agent {

Errand::Errand(Mailbox& mailbox,
               std::function<std::function<void()>(const NewContext&)> work)
    : thread_([this, &mailbox, work = std::move(work)] {
        mailbox.Post(work([this]() -> grpc::ClientContext& { return Next(); }));
      }) {}

Errand::~Errand() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (!contexts_.empty()) contexts_.back().TryCancel();
  }
  thread_.join();
}

grpc::ClientContext& Errand::Next() {
  const std::lock_guard lock(mutex_);
  grpc::ClientContext& context = contexts_.emplace_back();
  if (cancelled_) context.TryCancel();
  return context;
}

}  // namespace schoolgate::agent
