#include "agent/run/gatehouse.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/keep/kept_names.h"
#include "platform/wait.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kBetweenOverflowWords = absl::Minutes(1);

}  // namespace

Gatehouse::Gatehouse(Service& service, Watch& watch, Incidents& incidents,
                     LiveFlows& live_flows, bool owned_table)
    : service_(service),
      watch_(watch),
      incidents_(incidents),
      live_flows_(live_flows) {
  options_.owned = owned_table;
}

Gatehouse::~Gatehouse() = default;

absl::Status Gatehouse::Keep(GateMode wanted, absl::Duration now,
                             int64_t now_us) {
  if (wanted == GateMode::kObserve) {
    TakeLeftovers();
    Close();
    return absl::OkStatus();
  }
  if (mode_ == wanted && options_.forwarded == forwarded_) {
    LookAtTable();
    LookAtOverflow(now);
    return absl::OkStatus();
  }
  Close();
  const absl::Status opened = Open(wanted, now_us);
  if (!opened.ok()) Close();
  return opened;
}

absl::Status Gatehouse::Open(GateMode mode, int64_t now_us) {
  // Nothing leaks while we are started again, if somebody holds the queue
  // meanwhile. Otherwise packets pass: a fault of ours must stop no lesson.
  options_.forwarded = forwarded_;
  options_.open_without_gate = mode == GateMode::kShadow || !service_.kept();
  if (absl::Status status = OpenQueue(options_); !status.ok()) return status;
  if (mode == GateMode::kShadow) {
    shadow_ = std::make_unique<ShadowGate>(*held_);
  } else {
    auto sender = platform::OpenPacketSender(kMarkOurs);
    if (!sender.ok()) return sender.status();
    sender_ = std::move(*sender);
  }
  watch_.SetShadow(mode == GateMode::kShadow);
  gate_ = std::make_unique<Gate>(
      shadow_ != nullptr ? static_cast<platform::PacketGate&>(*shadow_)
                         : *held_,
      sender_.get(), watch_);
  if (mode == GateMode::kEnforce) gate_->SetLiveFlows(&live_flows_);
  // What waits from the run before us, while the table stands as it did.
  Serve(now_us);
  if (absl::Status status = OpenTable(); !status.ok()) return status;
  mode_ = mode;
  return absl::OkStatus();
}

absl::Status Gatehouse::OpenQueue(const KernelTableOptions& options) {
  if (const int kept = service_.TakeKept(kQueueName); kept >= 0) {
    // What kills its judge must not come before the next one.
    const bool suspect =
        service_.last_end() == "crashed" || service_.last_end() == "hung";
    auto adopted = platform::AdoptPacketGate(
        options.queue, kept,
        suspect ? platform::Unjudged::kDrop : platform::Unjudged::kAskAgain);
    if (adopted.ok()) held_ = std::move(*adopted);
  }
  if (held_ == nullptr) {
    auto opened = platform::OpenPacketGate(options.queue);
    if (!opened.ok()) return opened.status();
    held_ = std::move(*opened);
  }
  service_.Keep(kQueueName, held_->descriptor());
  overflowed_ = overflow_told_ = 0;
  return absl::OkStatus();
}

absl::Status Gatehouse::OpenTable() {
  if (const int kept = service_.TakeKept(kTableName); kept >= 0) {
    auto adopted = TableSocket::Adopt(kept);
    if (adopted.ok()) table_ = std::move(*adopted);
  }
  if (table_ == nullptr) {
    auto opened = TableSocket::Open();
    if (!opened.ok()) return opened.status();
    table_ = std::move(*opened);
  }
  service_.Keep(kTableName, table_->descriptor());
  const absl::Status installed = InstallKernelTable(options_, *table_);
  // We may: the queue is ours already.
  if (absl::IsPermissionDenied(installed)) {
    return absl::AlreadyExistsError(installed.message());
  }
  if (!installed.ok()) return installed;
  auto guard = TableGuard::Open(options_.name);
  if (!guard.ok()) return guard.status();
  guard_ = std::move(*guard);
  guard_->Remember();
  table_lost_ = false;
  return absl::OkStatus();
}

// A run before us enforced, and we are not to: what it left goes.
void Gatehouse::TakeLeftovers() {
  if (const int kept = service_.TakeKept(kTableName); kept >= 0) {
    auto adopted = TableSocket::Adopt(kept);
    if (adopted.ok()) table_ = std::move(*adopted);
  }
  if (const int kept = service_.TakeKept(kQueueName); kept >= 0) {
    auto adopted = platform::AdoptPacketGate(options_.queue, kept,
                                             platform::Unjudged::kDrop);
    if (adopted.ok()) held_ = std::move(*adopted);
  }
}

void Gatehouse::Serve(int64_t now_us) {
  served_us_ = now_us;
  if (gate_ != nullptr) gate_->Serve(now_us);
}

void Gatehouse::ServeIfReady(const platform::Clock& clock) {
  const std::array<int, 1> held = {descriptor()};
  if (platform::WaitReadable(held, absl::ZeroDuration()) != 0) {
    Serve(absl::ToUnixMicros(clock.Now()));
  }
}

void Gatehouse::Close() {
  // What is held now is judged; with the table goes all that is held.
  Serve(served_us_);
  if (gate_ != nullptr) gate_->LetGo();
  if (table_ != nullptr) (void)RemoveKernelTable(options_.name, *table_);
  mode_ = GateMode::kObserve;
  gate_.reset();
  sender_.reset();
  shadow_.reset();
  guard_.reset();
  if (held_ != nullptr) service_.Forget(kQueueName);
  held_.reset();
  if (table_ != nullptr) service_.Forget(kTableName);
  table_.reset();
  watch_.SetShadow(false);
}

void Gatehouse::Leave() {
  const bool goes_by_itself = table_ != nullptr && service_.kept() &&
                              mode_ == GateMode::kEnforce &&
                              OwnKernelTableStands(options_, *table_);
  if (!goes_by_itself) return Close();
  Serve(served_us_);
  mode_ = GateMode::kObserve;
  gate_.reset();
  sender_.reset();
  guard_.reset();
  held_.reset();
  table_.reset();
}

void Gatehouse::LookAtTable() {
  if (guard_->Intact()) return;
  const absl::Status back = InstallKernelTable(options_, *table_);
  if (back.ok()) guard_->Remember();
  // Tried again each time, told once.
  if (!std::exchange(table_lost_, !back.ok())) {
    incidents_.Tamper(
        "rules_removed",
        absl::StrCat("the packet filter's rules were changed or removed by "
                     "somebody else; ",
                     back.ok() ? "they are back" : back.message()));
  }
}

void Gatehouse::LookAtOverflow(absl::Duration now) {
  overflowed_ = held_->overflowed();
  if (overflowed_ == overflow_told_ || now < next_overflow_word_) return;
  incidents_.SelfTest(
      "queue", false,
      absl::StrCat(overflowed_,
                   " packets that may bear names came faster than they could "
                   "be judged and were dropped, since the queue was opened"));
  overflow_told_ = overflowed_;
  next_overflow_word_ = now + kBetweenOverflowWords;
}

}  // namespace schoolgate::agent
