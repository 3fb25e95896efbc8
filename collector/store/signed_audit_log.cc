#include "collector/store/signed_audit_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/store/audit_chain.h"

namespace schoolgate::collector {
namespace {

constexpr char kPurpose[] = "schoolgate audit head 1";

// The hash is hexadecimal, so that no two heads give the same text.
std::string SignedText(const AuditHead& head) {
  return absl::StrCat(head.number, " ", head.hash, " ",
                      absl::ToUnixMicros(head.time));
}

AuditHead MakeHead(uint64_t number, const std::string& hash, absl::Time time,
                   const seal::SigningKey& key) {
  AuditHead head{number, hash, time, key.public_key(), ""};
  head.signature = key.Sign(kPurpose, SignedText(head));
  return head;
}

}  // namespace

absl::Status SignedAuditLog::Append(AuditEntry entry) {
  if (absl::Status may = MaySign(); !may.ok()) return may;
  return Write([&](const End& end) -> absl::StatusOr<Step> {
    const absl::Status sound = Check(end.head);
    if (!sound.ok()) return sound;
    return Sign(std::max(end.head->number, end.number) + 1, end.head->hash,
                std::move(entry));
  });
}

absl::Status SignedAuditLog::Begin(absl::Time now) {
  if (absl::Status may = MaySign(); !may.ok()) return may;
  const absl::StatusOr<std::optional<AuditHead>> there = ReadHead();
  if (!there.ok()) return there.status();
  if (there->has_value()) return Check(*there);
  return Write([&](const End& end) -> absl::StatusOr<Step> {
    // Another collector was faster.
    if (end.head) {
      const absl::Status sound = Check(end.head);
      if (!sound.ok()) return sound;
      return Step{*end.head, std::nullopt};
    }
    if (end.number == 0) {
      return Step{MakeHead(0, "", now, *keys_.signing), std::nullopt};
    }
    return Restart(end, {.time = now,
                         .who = "system",
                         .action = "sign_audit_log",
                         .about = "",
                         .detail = "an earlier version wrote it",
                         .hash = ""});
  });
}

absl::Status SignedAuditLog::SignAnew(AuditEntry why) {
  if (absl::Status may = MaySign(); !may.ok()) return may;
  return Write([&](const End& end) -> absl::StatusOr<Step> {
    const absl::Status found = Check(end.head);
    if (found.ok()) {
      return absl::FailedPreconditionError(
          "audit log: its head is sound: there is nothing to mend");
    }
    absl::StrAppend(&why.detail, " (", found.message(), ")");
    return Restart(end, std::move(why));
  });
}

absl::StatusOr<AuditHead> SignedAuditLog::Head() {
  absl::StatusOr<std::optional<AuditHead>> head = ReadHead();
  if (!head.ok()) return head.status();
  const absl::Status sound = Check(*head);
  if (!sound.ok()) return sound;
  return **std::move(head);
}

absl::Status SignedAuditLog::Verify() { return VerifyChain(*this); }

absl::Status SignedAuditLog::Check(const std::optional<AuditHead>& head) const {
  if (keys_.public_key.empty()) {
    return absl::FailedPreconditionError(
        "audit log: not signed yet: an earlier version wrote it: start this "
        "version of the collector once, which signs it");
  }
  if (!head) {
    return absl::DataLossError(
        "audit log: its signed head is missing: the log was changed");
  }
  if (head->key != keys_.public_key) {
    return absl::PermissionDeniedError(absl::StrCat(
        "audit log: its head is signed with key ", seal::ToHex(head->key),
        ", not with this collector's, ", seal::ToHex(keys_.public_key),
        ": somebody else signed it, or collectors that share a database do "
        "not have the same keys/custody.key"));
  }
  if (seal::VerifySignature(head->key, kPurpose, SignedText(*head),
                            head->signature)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      "audit log: its head is not what was signed: the log was changed");
}

SignedAuditLog::Step SignedAuditLog::Sign(uint64_t number,
                                          const std::string& previous,
                                          AuditEntry entry) const {
  entry.number = number;
  entry.hash = HashOfEntry(previous, entry);
  Step step{MakeHead(number, entry.hash, entry.time, *keys_.signing), {}};
  step.entry = std::move(entry);
  return step;
}

SignedAuditLog::Step SignedAuditLog::Restart(const End& end,
                                             AuditEntry entry) const {
  return Sign(end.number + 1, end.hash, std::move(entry));
}

absl::Status SignedAuditLog::MaySign() const {
  if (keys_.signing) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "audit log: opened to read alone: this is a bug of ours: report it");
}

}  // namespace schoolgate::collector
