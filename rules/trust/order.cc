#include "rules/trust/order.h"

#include "absl/strings/str_cat.h"
#include "rules/trust/armour.h"
#include "rules/trust/refusal.h"

namespace schoolgate::rules {

std::string_view OrderContext(v1::OrderKind kind) {
  switch (kind) {
    case v1::ORDER_KIND_PASS:
      return kPassContext;
    case v1::ORDER_KIND_EMERGENCY:
      return kEmergencyContext;
    case v1::ORDER_KIND_TIMESTAMP:
      return kTimestampContext;
    default:
      return "schoolgate unknown";
  }
}

v1::TrustRole OrderRole(v1::OrderKind kind) {
  switch (kind) {
    case v1::ORDER_KIND_PASS:
      return v1::TRUST_ROLE_PASS;
    case v1::ORDER_KIND_EMERGENCY:
      return v1::TRUST_ROLE_EMERGENCY;
    case v1::ORDER_KIND_TIMESTAMP:
      return v1::TRUST_ROLE_TIMESTAMP;
    default:
      return v1::TRUST_ROLE_UNSPECIFIED;
  }
}

std::string_view OrderName(v1::OrderKind kind) {
  switch (kind) {
    case v1::ORDER_KIND_PASS:
      return "lesson pass";
    case v1::ORDER_KIND_EMERGENCY:
      return "emergency block";
    case v1::ORDER_KIND_TIMESTAMP:
      return "timestamp";
    default:
      return "order";
  }
}

absl::StatusOr<v1::SignedOrder> ParseOrder(std::string_view text) {
  if (text.size() > kMaxOrderFileBytes) {
    return Refuse(Refusal::kOversized, "order: the file is too long");
  }
  const auto bytes = Unarmour(kOrderLabel, text);
  if (!bytes.ok()) {
    return Refuse(Refusal::kMalformed,
                  absl::StrCat("order: ", bytes.status().message()));
  }
  v1::SignedOrder order;
  if (!order.ParseFromString(*bytes) ||
      OrderRole(order.kind()) == v1::TRUST_ROLE_UNSPECIFIED) {
    return Refuse(Refusal::kMalformed, "order: damaged or of unknown kind");
  }
  return order;
}

std::string OrderText(const v1::SignedOrder& order) {
  return Armour(kOrderLabel, order.SerializeAsString());
}

void SignOrder(const SigningKey& key, v1::SignedOrder* order) {
  const v1::TrustSignature made =
      key.Sign(OrderContext(order->kind()), order->order());
  for (v1::TrustSignature& one : *order->mutable_signatures()) {
    if (one.key_id() == made.key_id()) {
      one = made;
      return;
    }
  }
  *order->add_signatures() = made;
}

absl::StatusOr<Signers> CheckOrder(const TrustRoot& root,
                                   const v1::SignedOrder& order) {
  return root.Check(OrderRole(order.kind()), OrderContext(order.kind()),
                    order.order(), order.signatures());
}

}  // namespace schoolgate::rules
