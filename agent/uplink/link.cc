#include "agent/uplink/link.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace schoolgate::agent {

class Link::Stream
    : public grpc::ClientBidiReactor<v1::FromDevice, v1::ToDevice> {
 public:
  Stream(v1::Uplink::Stub& stub, LinkEvents events)
      : events_(std::move(events)) {
    stub.async()->Connect(&context_, this);
    // Writes come from outside the reactor: the hold keeps it alive for them.
    AddHold();
    StartRead(&incoming_);
    StartCall();
  }

  void Send(v1::FromDevice message) {
    // Without the hold the stream may be over: then on_closed tells.
    const std::lock_guard lock(mutex_);
    if (released_) return;
    outgoing_ = std::move(message);
    StartWrite(&outgoing_);
  }

  void HangUp() {
    context_.TryCancel();
    Release();
  }

  void WaitUntilDone() {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return done_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // The other end is gone: nothing more can be written either.
      Release();
      return;
    }
    events_.on_message(std::move(incoming_));
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    if (ok) events_.on_written();
  }

  void OnDone(const grpc::Status& status) override {
    events_.on_closed(status);
    const std::lock_guard lock(mutex_);
    done_ = true;
    finished_.notify_all();
  }

 private:
  void Release() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(released_, true)) return;
    }
    RemoveHold();
  }

  const LinkEvents events_;
  grpc::ClientContext context_;
  v1::ToDevice incoming_;
  v1::FromDevice outgoing_;

  std::mutex mutex_;
  std::condition_variable finished_;
  bool released_ = false;  // guarded by mutex_
  bool done_ = false;      // guarded by mutex_
};

Link::Link(std::shared_ptr<grpc::Channel> channel, LinkEvents events)
    : stub_(v1::Uplink::NewStub(std::move(channel))),
      stream_(std::make_unique<Stream>(*stub_, std::move(events))) {}

Link::~Link() {
  stream_->HangUp();
  stream_->WaitUntilDone();
}

void Link::Send(v1::FromDevice message) { stream_->Send(std::move(message)); }

void Link::HangUp() { stream_->HangUp(); }

}  // namespace schoolgate::agent
