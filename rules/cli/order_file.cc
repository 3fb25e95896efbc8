#include "rules/cli/order_file.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "platform/written_time.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {

std::string NewOrderId(const std::string& prefix) {
  // A fresh key's id is as random as anything.
  return prefix + Hex(SigningKey::Generate().key_id()).substr(0, 12);
}

absl::StatusOr<absl::Time> ReadTime(const std::string& text, absl::Time now) {
  absl::Duration later;
  if (!text.empty() && text[0] == '+' &&
      absl::ParseDuration(text.substr(1), &later)) {
    return now + later;
  }
  if (const auto time = platform::ReadInstant(text)) return *time;
  return absl::InvalidArgumentError(absl::StrCat(
      "time ", text, ": not understood: write 2026-11-20T09:00:00Z or +1h"));
}

absl::Status SignAndWriteOrder(v1::SignedOrder order,
                               const std::vector<std::string>& keys,
                               const PassphraseOption& passphrase,
                               const std::string& out) {
  const auto loaded = LoadKeys(keys, passphrase);
  if (!loaded.ok()) return loaded.status();
  for (const NamedKey& key : *loaded) {
    const auto role = RoleFor(key, {OrderRole(order.kind())}, "");
    if (!role.ok()) return role.status();
    SignOrder(key.key, &order);
    std::printf(
        "signed by %s (%s)\n", key.about.key().name().c_str(),
        std::string(OrganisationName(key.about.key().organisation())).c_str());
  }
  return platform::ReplaceFile(out, OrderText(order), 0644);
}

absl::Status CountersignOrder(const std::string& path, v1::OrderKind kind,
                              const std::vector<std::string>& keys,
                              const PassphraseOption& passphrase,
                              const std::string& out) {
  const auto text = platform::ReadWholeFile(path, kMaxOrderFileBytes);
  if (!text.ok()) return text.status();
  auto order = ParseOrder(*text);
  if (!order.ok()) return InFile(path, order.status());
  if (order->kind() != kind) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is no ", std::string(OrderName(kind)), " but a ",
                     std::string(OrderName(order->kind()))));
  }
  return SignAndWriteOrder(*std::move(order), keys, passphrase,
                           out.empty() ? path : out);
}

}  // namespace schoolgate::rules
