#include "collector/feed/alert_feed.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "collector/cases/sight.h"
#include "collector/fleet/journal.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr size_t kPage = 256;

// What a certificate's name allows.
struct Reader {
  bool allowed = false;
  std::string school;   // empty: all
  std::string account;  // empty: all alerts of the school
};

Reader ReaderOf(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr) return {};
  const auto names = auth->FindPropertyValues("x509_common_name");
  if (names.size() != 1) return {};
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(names[0].data(), names[0].size()), '/');
  if (parts.size() < 2 || parts.size() > 4 || parts[0] != "feed") return {};
  return {true, parts.size() >= 3 ? parts[2] : "",
          parts.size() == 4 ? parts[3] : ""};
}

class Refused : public grpc::ServerWriteReactor<v1::Alert> {
 public:
  explicit Refused(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

// One thread reads changes and hands them to every stream.
class AlertFeed::Watchers {
 public:
  Watchers(AlertStore& alerts, AccountStore& accounts,
           const SchoolPolicies* policies)
      : alerts_(alerts),
        accounts_(accounts),
        policies_(policies),
        thread_([this] { Run(); }) {}
  ~Watchers() { Stop(); }

  class Stream;

  bool Add(std::shared_ptr<Stream> stream) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || streams_.size() >= kMostReaders) return false;
    streams_.insert(std::move(stream));
    return true;
  }

  void Remove(const std::shared_ptr<Stream>& stream) {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
  }

  void Stop();

  AlertStore& alerts() { return alerts_; }

  // By the account as it is now.
  bool MayRead(const std::string& name, const v1::Alert& alert) {
    const absl::StatusOr<Account> account = accounts_.Get(name);
    absl::StatusOr<std::vector<Account>> everybody = accounts_.All();
    if (!account.ok() || !everybody.ok()) return false;
    const Sight sight =
        SightOf(*account, alert, Readers(*std::move(everybody), policies_));
    return sight == Sight::kFull || sight == Sight::kHealth;
  }

  size_t size() {
    const std::lock_guard lock(mutex_);
    return streams_.size();
  }

 private:
  void Run();
  std::vector<std::shared_ptr<Stream>> All() {
    const std::lock_guard lock(mutex_);
    return {streams_.begin(), streams_.end()};
  }

  AlertStore& alerts_;
  AccountStore& accounts_;
  const SchoolPolicies* const policies_;
  std::mutex mutex_;
  std::set<std::shared_ptr<Stream>> streams_;
  bool stopping_ = false;
  std::thread thread_;
};

// A slow reader reads the store at its own pace: nothing piles up here.
class AlertFeed::Watchers::Stream
    : public grpc::ServerWriteReactor<v1::Alert>,
      public std::enable_shared_from_this<Stream> {
 public:
  Stream(Watchers& watchers, Reader reader, uint64_t after)
      : watchers_(watchers), reader_(std::move(reader)), after_(after) {}

  // Sends what there is, unless a write is under way.
  void Pump() {
    bool finish = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_ || writing_) return;
      if (end_) {
        ended_ = finish = true;
      } else if (NextLocked()) {
        writing_ = true;
      } else {
        return;
      }
    }
    if (finish) {
      Finish(*end_);
    } else {
      StartWrite(&outgoing_);
    }
  }

  void End(const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = status;
    }
    Pump();
  }

  void OnWriteDone(bool ok) override {
    const auto keep = this->shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
    }
    if (!ok) return End(grpc::Status::CANCELLED);
    Pump();
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    const auto keep = this->shared_from_this();
    watchers_.Remove(keep);
    self = nullptr;
  }

  std::shared_ptr<Stream> self;  // until OnDone

 private:
  bool NextLocked() {
    while (true) {
      if (ready_.empty()) {
        absl::StatusOr<std::vector<v1::Alert>> page =
            watchers_.alerts().ChangesAfter(after_, kPage);
        if (!page.ok() || page->empty()) return false;
        for (v1::Alert& alert : *page) ready_.push_back(std::move(alert));
      }
      outgoing_ = std::move(ready_.front());
      ready_.pop_front();
      after_ = outgoing_.revision();
      const bool school =
          reader_.school.empty() || outgoing_.school() == reader_.school;
      if (school && (reader_.account.empty() ||
                     watchers_.MayRead(reader_.account, outgoing_))) {
        return true;
      }
    }
  }

  Watchers& watchers_;
  const Reader reader_;
  std::mutex mutex_;
  uint64_t after_;
  std::deque<v1::Alert> ready_;
  v1::Alert outgoing_;
  bool writing_ = false;
  bool ended_ = false;
  std::optional<grpc::Status> end_;
};

void AlertFeed::Watchers::Run() {
  uint64_t seen = 0;
  while (true) {
    const uint64_t newest = alerts_.WaitForChange(seen, kPatience);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (newest == seen) continue;
    seen = newest;
    for (const auto& stream : All()) stream->Pump();
  }
}

void AlertFeed::Watchers::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  for (const auto& stream : All()) {
    stream->End(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                             "collector: shutting down"));
  }
}

AlertFeed::AlertFeed(AlertStore& alerts, AccountStore& accounts,
                     const SchoolPolicies* policies)
    : watchers_(std::make_unique<Watchers>(alerts, accounts, policies)) {}

AlertFeed::~AlertFeed() = default;

void AlertFeed::Stop() { watchers_->Stop(); }

size_t AlertFeed::readers() const { return watchers_->size(); }

grpc::ServerWriteReactor<v1::Alert>* AlertFeed::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  Reader reader = ReaderOf(*context);
  if (!reader.allowed) {
    return new Refused(
        grpc::Status(grpc::StatusCode::PERMISSION_DENIED,
                     "alerts: need a feed certificate: make one with "
                     "`schoolgate-collector feed-certificate`"));
  }
  if (!reader.school.empty() && !request->school().empty() &&
      request->school() != reader.school) {
    return new Refused(grpc::Status(grpc::StatusCode::PERMISSION_DENIED,
                                    "alerts: of another school"));
  }
  if (reader.school.empty()) reader.school = request->school();
  auto stream = std::make_shared<Watchers::Stream>(
      *watchers_, std::move(reader), request->after_revision());
  if (!watchers_->Add(stream)) {
    return new Refused(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    "alerts: too many readers: try later"));
  }
  stream->self = stream;
  stream->Pump();
  return stream.get();
}

}  // namespace schoolgate::collector
