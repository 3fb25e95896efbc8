// Lesson passes and emergency blocks on a device: which orders it accepts, and
// which of them are in force. They change what Decide says without touching
// the bundle: Ruleset::WithOverlays(book.InForce(moment)).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/policy.pb.h"
#include "proto/trust.pb.h"
#include "rules/policy/tables.h"
#include "rules/trust/order.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {

// All clocks of the device at one moment.
struct Moment {
  absl::Time wall;      // may be wrong
  int64_t boot_us = 0;  // since boot, suspend included
  std::string boot_id;
  absl::Time signed_floor;  // Acceptance::SignedTime: it is surely later
};

// What the order is judged by, borrowed for the call.
struct OrderGround {
  const TrustRoot& root;
  const PolicyTables& tables;
  // Category ids of a host and of everything listed below it.
  std::function<std::vector<std::string>(std::string_view host)> categories;
};

inline constexpr absl::Duration kLongestPass = absl::Hours(12);
inline constexpr absl::Duration kEmergencyLapse = absl::Hours(24);
inline constexpr int kMaxOrdersInForce = 64;
inline constexpr int kMaxOrdersHeld = 1024;
inline constexpr int kMaxOrderHosts = 128;

// Not thread-safe.
//
// A pass ends when the wall clock says so, or when its length in running time
// is over, or with the boot in which it came, whichever is first. A block of
// one signature lapses 24 h after it was issued, counted in running time, so
// that a clock set back or forward neither keeps nor ends it.
class OrderBook {
 public:
  // Keeps orders.a and orders.b in the folder.
  static absl::StatusOr<std::unique_ptr<OrderBook>> Open(std::string folder);

  OrderBook(const OrderBook&) = delete;
  OrderBook& operator=(const OrderBook&) = delete;

  // A pass or an emergency order, as text. OK: it is in force (or was
  // already, or a withdrawal is done: it may come before what it withdraws).
  // Refusals leave everything as it was.
  absl::Status Consider(std::string_view order, const OrderGround& ground,
                        const Moment& moment);

  // Lets time pass: call at least once a minute. True when what is in force
  // has changed.
  absl::StatusOr<bool> Tick(const Moment& moment);

  // Whether something in force has come to its end since the last Tick. Cheap:
  // touches no disk.
  bool SomethingEnded(const Moment& moment) const;

  int in_force() const { return CountInForce(); }

  v1::Overlays InForce(const Moment& moment) const;

 private:
  explicit OrderBook(std::string path) : path_(std::move(path)) {}

  absl::Status ConsiderPass(const v1::SignedOrder& order,
                            const Signers& signers, const OrderGround& ground,
                            const Moment& moment);
  absl::Status ConsiderBlock(const v1::SignedOrder& order,
                             const Signers& signers, const OrderGround& ground,
                             const Moment& moment);
  absl::Status Withdraw(const v1::EmergencyOrder& order, const Signers& signers,
                        const Moment& moment);
  absl::Status End(v1::OrderKind kind, const std::string& id,
                   const Moment& moment);
  absl::Status Hold(v1::HeldOrder held, const Moment& moment);
  v1::HeldOrder* Find(v1::OrderKind kind, std::string_view id);
  bool Spend(const Moment& moment);
  void Forget();
  int CountInForce() const;

  std::string path_;
  v1::OrderBookState state_;
};

}  // namespace schoolgate::rules
