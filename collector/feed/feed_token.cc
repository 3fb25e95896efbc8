#include "collector/feed/feed_token.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kIdBytes = 6;
constexpr size_t kSecretBytes = 32;
constexpr char kKind[] = "sgf1";

std::string HashOf(const std::string& secret) {
  seal::Hasher hasher;
  hasher.Add(kKind);
  hasher.Add(secret);
  return seal::ToHex(hasher.Finish());
}

}  // namespace

NewFeedToken MakeFeedToken(const std::string& account, absl::Time now) {
  NewFeedToken made;
  const std::string secret = seal::ToHex(seal::RandomBytes(kSecretBytes));
  made.stored.id = seal::ToHex(seal::RandomBytes(kIdBytes));
  made.stored.secret_hash = HashOf(secret);
  made.stored.account = account;
  made.stored.made = now;
  made.text = absl::StrCat(kKind, ".", made.stored.id, ".", secret);
  return made;
}

absl::StatusOr<FeedToken> CheckFeedToken(const std::string& text,
                                         FeedStore& store) {
  const absl::Status no = absl::PermissionDeniedError("not a valid token");
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  if (parts.size() != 3 || parts[0] != kKind) return no;
  absl::StatusOr<FeedToken> token = store.Token(parts[1]);
  if (absl::IsNotFound(token.status())) return no;
  if (!token.ok()) return token.status();
  // Hashes of 256 random bits: how long a comparison takes tells nothing.
  if (token->withdrawn || token->secret_hash != HashOf(parts[2])) return no;
  return token;
}

}  // namespace schoolgate::collector
