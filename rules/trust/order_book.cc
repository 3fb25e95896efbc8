#include "rules/trust/order_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "rules/trust/order_terms.h"
#include "rules/trust/refusal.h"
#include "rules/trust/state_file.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMaxStateBytes = 32 << 20;

bool BootIs(const v1::HeldOrder& held, const Moment& moment) {
  return held.pass().boot_id() == moment.boot_id;
}

bool PassRuns(const v1::HeldOrder& held, const Moment& moment) {
  return BootIs(held, moment) &&
         moment.boot_us < held.pass().boot_deadline_us() &&
         moment.wall < absl::FromUnixSeconds(held.pass().end_unix_s());
}

}  // namespace

absl::StatusOr<std::unique_ptr<OrderBook>> OrderBook::Open(std::string folder) {
  std::unique_ptr<OrderBook> book(
      new OrderBook(absl::StrCat(folder, "/orders")));
  book->state_ = ReadState<v1::OrderBookState>(book->path_, kMaxStateBytes);
  return book;
}

v1::HeldOrder* OrderBook::Find(v1::OrderKind kind, std::string_view id) {
  for (v1::HeldOrder& held : *state_.mutable_held()) {
    if (held.kind() == kind && held.order_id() == id) return &held;
  }
  return nullptr;
}

int OrderBook::CountInForce() const {
  return static_cast<int>(
      std::count_if(state_.held().begin(), state_.held().end(),
                    [](const v1::HeldOrder& held) { return !held.over(); }));
}

absl::Status OrderBook::Consider(std::string_view text,
                                 const OrderGround& ground,
                                 const Moment& moment) {
  const auto order = ParseOrder(text);
  if (!order.ok()) return order.status();
  if (order->kind() == v1::ORDER_KIND_TIMESTAMP) {
    return Refuse(Refusal::kMalformed, "order: a timestamp is no order here");
  }
  const auto signers = CheckOrder(ground.root, *order);
  if (!signers.ok()) return signers.status();
  Spend(moment);
  return order->kind() == v1::ORDER_KIND_PASS
             ? ConsiderPass(*order, *signers, ground, moment)
             : ConsiderBlock(*order, *signers, ground, moment);
}

absl::Status OrderBook::ConsiderPass(const v1::SignedOrder& order,
                                     const Signers& signers,
                                     const OrderGround& ground,
                                     const Moment& moment) {
  v1::PassOrder content;
  if (!content.ParseFromString(order.order())) {
    return Refuse(Refusal::kMalformed, "lesson pass: damaged content");
  }
  absl::Status status = CheckPassTerms(content, signers, ground);
  if (!status.ok()) return status;
  if (content.withdraw()) return End(order.kind(), content.pass().id(), moment);
  const std::string hash = Hash256(order.order());
  if (v1::HeldOrder* known = Find(order.kind(), content.pass().id())) {
    if (known->withdrawn()) {
      return Refuse(Refusal::kReplayedOrder, "lesson pass: was withdrawn");
    }
    if (known->order_hash() != hash) {
      return Refuse(Refusal::kEquivocation,
                    "lesson pass: another one has this id");
    }
    if (!known->over()) return absl::OkStatus();
    return Refuse(Refusal::kReplayedOrder, "lesson pass: was used already");
  }
  const absl::Time end = absl::FromUnixSeconds(content.pass().end_unix_s());
  const absl::Time now =
      std::max({moment.wall, moment.signed_floor,
                absl::FromUnixSeconds(state_.forgotten_unix_s())});
  if (end <= now) {
    return Refuse(Refusal::kEnded, "lesson pass: is over already");
  }
  // A clock that stands before the signature proves nothing about the time.
  const absl::Time since =
      std::max(now, absl::FromUnixSeconds(content.issued_unix_s()));
  const absl::Duration left = std::max(absl::ZeroDuration(), end - since);
  v1::HeldOrder held;
  held.set_kind(order.kind());
  held.set_order_id(content.pass().id());
  held.set_order_hash(hash);
  held.set_ends_unix_s(content.pass().end_unix_s());
  *held.mutable_pass() = content.pass();
  held.mutable_pass()->set_boot_id(moment.boot_id);
  held.mutable_pass()->set_boot_deadline_us(moment.boot_us +
                                            absl::ToInt64Microseconds(left));
  return Hold(std::move(held), moment);
}

absl::Status OrderBook::ConsiderBlock(const v1::SignedOrder& order,
                                      const Signers& signers,
                                      const OrderGround& ground,
                                      const Moment& moment) {
  v1::EmergencyOrder content;
  if (!content.ParseFromString(order.order())) {
    return Refuse(Refusal::kMalformed, "emergency block: damaged content");
  }
  absl::Status status = CheckBlockTerms(content, signers, ground);
  if (!status.ok()) return status;
  if (content.withdraw()) return Withdraw(content, signers, moment);
  const bool countersigned = signers.keys.size() >= 2;
  const std::string hash = Hash256(order.order());
  v1::HeldOrder* known = Find(order.kind(), content.block().id());
  if (known != nullptr) {
    if (known->withdrawn()) {
      return Refuse(Refusal::kReplayedOrder, "emergency block: was withdrawn");
    }
    if (known->order_hash() != hash) {
      return Refuse(Refusal::kEquivocation,
                    "emergency block: another one has this id");
    }
    if (countersigned) {
      known->set_over(false);
      known->mutable_block()->set_countersigned(true);
      return WriteState(path_, &state_);
    }
    if (!known->over()) return absl::OkStatus();
    return Refuse(Refusal::kReplayedOrder, "emergency block: has lapsed");
  }
  const absl::Time now = std::max(moment.wall, moment.signed_floor);
  const absl::Time issued =
      absl::FromUnixSeconds(content.block().issued_unix_s());
  const absl::Time lapses = issued + kEmergencyLapse;
  if (!countersigned && lapses <= now) {
    return Refuse(Refusal::kEnded, "emergency block: has lapsed already");
  }
  // Only a clock that is not behind what was signed can call it too early.
  if (moment.wall >= moment.signed_floor &&
      issued > moment.wall + kEmergencyLapse) {
    return Refuse(Refusal::kNotYetIssued,
                  "emergency block: issued in the future");
  }
  v1::HeldOrder held;
  held.set_kind(order.kind());
  held.set_order_id(content.block().id());
  held.set_order_hash(hash);
  held.set_ends_unix_s(absl::ToUnixSeconds(lapses));
  held.set_left_us(
      absl::ToInt64Microseconds(std::min(kEmergencyLapse, lapses - now)));
  *held.mutable_block() = content.block();
  held.mutable_block()->set_lapses_unix_s(absl::ToUnixSeconds(lapses));
  held.mutable_block()->set_countersigned(countersigned);
  return Hold(std::move(held), moment);
}

absl::Status OrderBook::Withdraw(const v1::EmergencyOrder& order,
                                 const Signers& signers, const Moment& moment) {
  if (!signers.TwoOrganisations()) {
    return Refuse(Refusal::kLoosensByEmergency,
                  "emergency block: withdrawing takes provider and school");
  }
  return End(v1::ORDER_KIND_EMERGENCY, order.block().id(), moment);
}

// Also what never came is ended: the withdrawal may overtake its order.
absl::Status OrderBook::End(v1::OrderKind kind, const std::string& id,
                            const Moment& moment) {
  v1::HeldOrder* known = Find(kind, id);
  if (known == nullptr) {
    v1::HeldOrder held;
    held.set_kind(kind);
    held.set_order_id(id);
    held.set_over(true);
    held.set_withdrawn(true);
    return Hold(std::move(held), moment);
  }
  if (known->withdrawn()) return absl::OkStatus();
  known->set_over(true);
  known->set_withdrawn(true);
  return WriteState(path_, &state_);
}

absl::Status OrderBook::Hold(v1::HeldOrder held, const Moment& moment) {
  if (!held.over() && CountInForce() >= kMaxOrdersInForce) {
    return Refuse(Refusal::kTooMany,
                  absl::StrCat("order: ", kMaxOrdersInForce,
                               " are in force already: wait until one ends"));
  }
  *state_.add_held() = std::move(held);
  Forget();
  state_.set_boot_id(moment.boot_id);
  state_.set_boot_us(moment.boot_us);
  state_.set_wall_unix_s(absl::ToUnixSeconds(moment.wall));
  return WriteState(path_, &state_);
}

// The oldest that are over make room. A pass is then kept out by its end.
void OrderBook::Forget() {
  while (state_.held_size() > kMaxOrdersHeld) {
    auto* held = state_.mutable_held();
    const auto oldest =
        std::find_if(held->begin(), held->end(),
                     [](const v1::HeldOrder& one) { return one.over(); });
    if (oldest == held->end()) return;
    state_.set_forgotten_unix_s(
        std::max(state_.forgotten_unix_s(), oldest->ends_unix_s()));
    held->erase(oldest);
  }
}

// Takes the time since the last call off what blocks have left.
bool OrderBook::Spend(const Moment& moment) {
  const bool same_boot = state_.boot_id() == moment.boot_id;
  const int64_t off_s = std::max<int64_t>(
      0, absl::ToUnixSeconds(moment.wall) - state_.wall_unix_s());
  const int64_t spent_us =
      same_boot ? std::max<int64_t>(0, moment.boot_us - state_.boot_us())
                : std::min<int64_t>(off_s, 10ll * 365 * 86400) * 1'000'000;
  bool changed = false;
  for (v1::HeldOrder& held : *state_.mutable_held()) {
    if (held.over()) continue;
    bool over = false;
    if (held.kind() == v1::ORDER_KIND_PASS) {
      over = !PassRuns(held, moment);
    } else if (!held.block().countersigned()) {
      held.set_left_us(held.left_us() - spent_us);
      over = held.left_us() <= 0;
    }
    if (!over) continue;
    held.set_over(true);
    changed = true;
  }
  state_.set_boot_id(moment.boot_id);
  state_.set_boot_us(moment.boot_us);
  state_.set_wall_unix_s(absl::ToUnixSeconds(moment.wall));
  return changed;
}

absl::StatusOr<bool> OrderBook::Tick(const Moment& moment) {
  if (CountInForce() == 0) return false;
  const bool changed = Spend(moment);
  absl::Status status = WriteState(path_, &state_);
  if (!status.ok()) return status;
  return changed;
}

bool OrderBook::SomethingEnded(const Moment& moment) const {
  const bool same_boot = state_.boot_id() == moment.boot_id;
  const int64_t spent_us =
      same_boot ? std::max<int64_t>(0, moment.boot_us - state_.boot_us()) : 0;
  for (const v1::HeldOrder& held : state_.held()) {
    if (held.over()) continue;
    if (held.kind() == v1::ORDER_KIND_PASS) {
      if (!PassRuns(held, moment)) return true;
    } else if (!held.block().countersigned() && held.left_us() <= spent_us) {
      return true;
    }
  }
  return false;
}

v1::Overlays OrderBook::InForce(const Moment& moment) const {
  v1::Overlays overlays;
  const bool same_boot = state_.boot_id() == moment.boot_id;
  const int64_t spent_us =
      same_boot ? std::max<int64_t>(0, moment.boot_us - state_.boot_us()) : 0;
  for (const v1::HeldOrder& held : state_.held()) {
    if (held.over()) continue;
    if (held.kind() == v1::ORDER_KIND_PASS) {
      if (PassRuns(held, moment)) *overlays.add_passes() = held.pass();
      continue;
    }
    const bool kept = held.block().countersigned();
    if (!kept && held.left_us() <= spent_us) continue;
    v1::EmergencyBlock* block = overlays.add_blocks();
    *block = held.block();
    // This book counts running time; a wall clock must not overrule it.
    if (!kept) {
      block->set_lapses_unix_s(absl::ToUnixSeconds(moment.wall) +
                               (held.left_us() - spent_us + 999'999) /
                                   1'000'000);
    }
  }
  return overlays;
}

}  // namespace schoolgate::rules
