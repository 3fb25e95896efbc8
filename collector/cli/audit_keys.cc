#include "collector/cli/audit_keys.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "collector/fleet/secret_file.h"

namespace schoolgate::collector {
namespace {

bool IsThere(const std::string& file) {
  std::error_code error;
  return std::filesystem::exists(file, error);
}

}  // namespace

absl::StatusOr<AuditKeys> AuditKeysToRead(const DataDirectory& directory) {
  absl::StatusOr<std::string> key = ReadHexKey(directory.AuditPublicKey());
  if (absl::IsNotFound(key.status())) return AuditKeys();
  if (!key.ok()) return key.status();
  return AuditKeys{*std::move(key), std::nullopt};
}

absl::StatusOr<AuditKeys> AuditKeysToSign(const DataDirectory& directory) {
  const absl::StatusOr<AuditKeys> known = AuditKeysToRead(directory);
  if (!known.ok()) return known;
  if (known->public_key.empty()) {
    return absl::FailedPreconditionError(
        "audit log: not signed yet: an earlier version wrote it: start this "
        "version of the collector once, which signs it");
  }
  const std::string file = directory.CustodyKey();
  if (!IsThere(file)) {
    return absl::FailedPreconditionError(absl::StrCat(
        file,
        ": missing, and the audit log is signed with it: put it back from a "
        "backup; if it is lost, see `audit sign`"));
  }
  const absl::StatusOr<seal::SigningKey> key =
      seal::LoadOrCreateSigningKey(file);
  if (!key.ok()) return key.status();
  if (key->public_key() != known->public_key) {
    return absl::FailedPreconditionError(absl::StrCat(
        file, ": not the key that the audit log is signed with, which ",
        directory.AuditPublicKey(),
        " names: put that one back from a backup; if it is lost, see `audit "
        "sign`"));
  }
  return KeysToSign(*key);
}

absl::StatusOr<AuditKeys> AuditKeysToBegin(const DataDirectory& directory) {
  const absl::StatusOr<AuditKeys> known = AuditKeysToRead(directory);
  if (!known.ok()) return known;
  return known->public_key.empty() ? AuditKeysToSignAnew(directory)
                                   : AuditKeysToSign(directory);
}

absl::Status BeginAudit(const DataDirectory& directory, AuditLog& log,
                        absl::Time now) {
  const absl::StatusOr<AuditKeys> known = AuditKeysToRead(directory);
  if (!known.ok() || !known->public_key.empty()) return known.status();
  const absl::Status begun = log.Begin(now);
  return begun.ok() ? RememberAuditKey(directory, log) : begun;
}

absl::StatusOr<AuditKeys> AuditKeysToSignAnew(const DataDirectory& directory) {
  const std::string file = directory.CustodyKey();
  const absl::StatusOr<seal::SigningKey> key =
      seal::LoadOrCreateSigningKey(file);
  if (!key.ok()) return key.status();
  BelongToFolder(file);
  return KeysToSign(*key);
}

absl::Status RememberAuditKey(const DataDirectory& directory, AuditLog& log) {
  const absl::StatusOr<AuditHead> head = log.Head();
  if (!head.ok()) return head.status();
  return WriteSecretFile(directory.AuditPublicKey(),
                         seal::ToHex(head->key) + "\n");
}

}  // namespace schoolgate::collector
