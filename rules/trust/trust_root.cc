#include "rules/trust/trust_root.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/trust/armour.h"
#include "rules/trust/refusal.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

constexpr uint32_t kLeastSigners = 2;

absl::Status Weak(std::string_view why) {
  return Refuse(Refusal::kWeakRoot,
                absl::StrCat("root: too weak: ",
                             absl::string_view(why.data(), why.size())));
}

absl::Status Malformed(std::string_view why) {
  return Refuse(Refusal::kMalformed,
                absl::StrCat("root: not readable: ",
                             absl::string_view(why.data(), why.size())));
}

std::string Text(std::string_view text) { return std::string(text); }

absl::Status CheckKeys(const v1::TrustRoot& root) {
  if (root.id().empty() || root.id().size() > kMaxIdBytes) {
    return Malformed("its id is empty or too long");
  }
  if (root.version() == 0) return Malformed("its version is zero");
  if (root.version_jump() == 0 || root.version_jump() > kMaxVersionJump) {
    return Weak("its limit on version jumps is missing or too high");
  }
  if (root.keys_size() > kMaxRootKeys) return Malformed("too many keys");
  std::set<std::string> seen;
  for (const v1::TrustKey& key : root.keys()) {
    if (key.public_key().size() != kPublicKeyBytes) {
      return Malformed("a key has the wrong length");
    }
    if (!seen.insert(key.public_key()).second) {
      return Weak("a key is listed twice");
    }
    if (OrganisationName(key.organisation()) == "unknown") {
      return Weak("a key belongs to no organisation");
    }
  }
  return absl::OkStatus();
}

std::string KeyIdOf(const v1::TrustKey& key) { return KeyId(key.public_key()); }

absl::Status CheckGrant(const v1::TrustRoot& root, const v1::RoleGrant& grant) {
  const std::string role = Text(RoleName(grant.role()));
  if (role == "unknown") return Malformed("it grants an unknown role");
  std::set<std::string> ids;
  for (const std::string& id : grant.key_ids()) {
    if (!ids.insert(id).second) return Weak(role + " lists a key twice");
  }
  if (grant.threshold() == 0 || grant.threshold() > ids.size()) {
    return Weak(role + " has a threshold that is zero or cannot be reached");
  }
  Signers holders;
  for (const v1::TrustKey& key : root.keys()) {
    if (ids.erase(KeyIdOf(key)) > 0) holders.keys.push_back(key);
  }
  if (!ids.empty()) return Malformed(role + " names a key that is not there");
  if (grant.role() == v1::TRUST_ROLE_ROOT ||
      grant.role() == v1::TRUST_ROLE_RELEASE) {
    if (grant.threshold() < kLeastSigners) {
      return Weak(role + " can be exercised by one key");
    }
    if (!holders.TwoOrganisations()) {
      return Weak(role + " lacks keys of provider or school");
    }
  }
  if (grant.role() == v1::TRUST_ROLE_LOCKED) {
    for (const v1::TrustKey& key : holders.keys) {
      if (key.organisation() != v1::ORGANISATION_AUTHORITY) {
        return Weak("the locked role is held by somebody who is no authority");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckGrants(const v1::TrustRoot& root) {
  std::set<int> roles;
  for (const v1::RoleGrant& grant : root.roles()) {
    if (!roles.insert(grant.role()).second) {
      return Weak("a role is granted twice");
    }
    absl::Status status = CheckGrant(root, grant);
    if (!status.ok()) return status;
  }
  if (!roles.count(v1::TRUST_ROLE_ROOT)) return Weak("nobody holds root");
  if (!roles.count(v1::TRUST_ROLE_RELEASE)) {
    return Weak("nobody holds release");
  }
  return absl::OkStatus();
}

// Why signatures did not suffice, from the most telling to the least.
struct Shortfall {
  bool bad = false, twice = false, unknown = false, wrong_role = false;

  Refusal Cause() const {
    if (bad) return Refusal::kBadSignature;
    if (twice) return Refusal::kSameKeyTwice;
    if (unknown) return Refusal::kUnknownKey;
    if (wrong_role) return Refusal::kWrongRole;
    return Refusal::kTooFewSignatures;
  }
  std::string Words() const {
    if (bad) return "a signature does not fit the content";
    if (twice) return "one key signed twice and counts once";
    if (unknown) return "a signature is by a key that the root does not know";
    if (wrong_role) return "a signature is by a key without this role";
    return "signatures are missing";
  }
};

}  // namespace

bool Signers::From(v1::Organisation organisation) const {
  return std::any_of(keys.begin(), keys.end(), [&](const v1::TrustKey& key) {
    return key.organisation() == organisation;
  });
}

bool Signers::TwoOrganisations() const {
  return From(v1::ORGANISATION_PROVIDER) && From(v1::ORGANISATION_SCHOOL);
}

std::string Signers::Names() const {
  std::string names;
  for (const v1::TrustKey& key : keys) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", key.name(), " (",
                    Text(OrganisationName(key.organisation())), ")");
  }
  return names;
}

absl::StatusOr<TrustRoot> TrustRoot::FromBytes(std::string bytes) {
  TrustRoot root;
  if (!root.content_.ParseFromString(bytes)) {
    return Malformed("its content is damaged");
  }
  if (absl::Status status = CheckKeys(root.content_); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckGrants(root.content_); !status.ok()) {
    return status;
  }
  root.bytes_ = std::move(bytes);
  return root;
}

const v1::TrustKey* TrustRoot::FindKey(std::string_view key_id) const {
  for (const v1::TrustKey& key : content_.keys()) {
    if (KeyIdOf(key) == key_id) return &key;
  }
  return nullptr;
}

const v1::RoleGrant* TrustRoot::FindGrant(v1::TrustRole role) const {
  for (const v1::RoleGrant& grant : content_.roles()) {
    if (grant.role() == role) return &grant;
  }
  return nullptr;
}

bool TrustRoot::MaySign(v1::TrustRole role, std::string_view key_id) const {
  const v1::RoleGrant* grant = FindGrant(role);
  return grant != nullptr &&
         std::any_of(grant->key_ids().begin(), grant->key_ids().end(),
                     [&](const std::string& id) { return id == key_id; });
}

absl::StatusOr<Signers> TrustRoot::Check(
    v1::TrustRole role, std::string_view context, std::string_view bytes,
    const TrustSignatures& signatures) const {
  const std::string role_name = Text(RoleName(role));
  const v1::RoleGrant* grant = FindGrant(role);
  if (grant == nullptr) {
    return Refuse(Refusal::kWrongRole,
                  absl::StrCat("signatures: nobody holds the role ", role_name,
                               " in root ", version()));
  }
  if (signatures.size() > kMaxSignatures) {
    return Refuse(Refusal::kOversized,
                  absl::StrCat("signatures: more than ", kMaxSignatures));
  }
  Signers signers;
  Shortfall shortfall;
  std::set<std::string> seen;
  for (const v1::TrustSignature& signature : signatures) {
    const v1::TrustKey* key = FindKey(signature.key_id());
    if (key == nullptr) {
      shortfall.unknown = true;
    } else if (!MaySign(role, signature.key_id())) {
      shortfall.wrong_role = true;
    } else if (!SignatureFits(context, bytes, key->public_key(),
                              signature.signature())) {
      shortfall.bad = true;
    } else if (!seen.insert(signature.key_id()).second) {
      shortfall.twice = true;
    } else {
      signers.keys.push_back(*key);
    }
  }
  if (signers.keys.size() >= grant->threshold()) return signers;
  return Refuse(
      shortfall.Cause(),
      absl::StrCat("signatures: ", shortfall.Words(), ": ", signers.keys.size(),
                   " of the ", grant->threshold(), " needed for ", role_name,
                   " are good"));
}

absl::StatusOr<v1::RootChain> ParseRootFile(std::string_view text) {
  if (text.size() > kMaxRootFileBytes) {
    return Refuse(Refusal::kOversized, "root: the file is too long");
  }
  const auto bytes = Unarmour(kRootLabel, text);
  if (!bytes.ok()) {
    return Malformed(std::string(bytes.status().message()));
  }
  v1::RootChain chain;
  if (!chain.ParseFromString(*bytes)) return Malformed("damaged content");
  if (chain.roots().empty()) return Malformed("it holds no root");
  if (chain.roots_size() > kMaxRootsInChain) {
    return Refuse(Refusal::kOversized, "root: too many roots in one file");
  }
  return chain;
}

std::string RootFileText(const v1::RootChain& chain) {
  return Armour(kRootLabel, chain.SerializeAsString());
}

absl::StatusOr<TrustRoot> StartFromRootFile(const v1::RootChain& chain) {
  if (chain.roots().empty()) return Malformed("it holds no root");
  const v1::SignedRoot& first = chain.roots(0);
  auto root = TrustRoot::FromBytes(first.root());
  if (!root.ok()) return root.status();
  const auto own = root->Check(v1::TRUST_ROLE_ROOT, kRootContext, first.root(),
                               first.signatures());
  if (!own.ok()) return own.status();
  return WalkRoots(*root, chain);
}

absl::StatusOr<TrustRoot> WalkRoots(const TrustRoot& current,
                                    const v1::RootChain& chain) {
  TrustRoot root = current;
  uint64_t newest = 0;
  for (const v1::SignedRoot& step : chain.roots()) {
    auto next = TrustRoot::FromBytes(step.root());
    if (!next.ok()) return next.status();
    newest = std::max(newest, next->version());
    if (next->version() < root.version()) continue;
    if (next->id() != root.id()) {
      return Refuse(
          Refusal::kWrongSchool,
          absl::StrCat("root: is for ", next->id(), ", not for ", root.id()));
    }
    if (next->version() == root.version()) {
      if (next->bytes() == root.bytes()) continue;
      return Refuse(Refusal::kEquivocation,
                    absl::StrCat("root: two different roots of version ",
                                 root.version()));
    }
    if (next->version() != root.version() + 1) {
      return Refuse(Refusal::kRootGap,
                    absl::StrCat("root: version ", root.version() + 1,
                                 " is missing: use the file with all roots"));
    }
    if (next->content().version_epoch() < root.content().version_epoch()) {
      return Refuse(Refusal::kRollback, "root: its version epoch goes back");
    }
    const auto by_old = root.Check(v1::TRUST_ROLE_ROOT, kRootContext,
                                   step.root(), step.signatures());
    if (!by_old.ok()) return by_old.status();
    if (!by_old->TwoOrganisations()) {
      return Refuse(Refusal::kLoosenedByOne,
                    "root: provider and school must both sign a new root");
    }
    const auto by_new = next->Check(v1::TRUST_ROLE_ROOT, kRootContext,
                                    step.root(), step.signatures());
    if (!by_new.ok()) return by_new.status();
    root = *std::move(next);
  }
  if (newest < current.version()) {
    return Refuse(Refusal::kRollback,
                  absl::StrCat("root: version ", newest,
                               " is older than ours, ", current.version()));
  }
  return root;
}

}  // namespace schoolgate::rules
