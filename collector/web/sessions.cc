#include "collector/web/sessions.h"

#include <sodium.h>

#include <array>

#include "platform/check.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kTokenLongest = 64;

}  // namespace

std::string TokenHash(const std::string& token) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(token.data()),
                     token.size(), nullptr, 0);
  return hash;
}

std::string RandomToken() {
  SG_CHECK(sodium_init() >= 0);
  std::array<unsigned char, kTokenBytes> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::array<char, sodium_base64_ENCODED_LEN(kTokenBytes, kForm)> text;
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    kForm);
  return std::string(text.data());
}

bool Sessions::Over(const Session& session, absl::Duration now) const {
  return now - session.used >= limits_.idle ||
         now - session.opened >= limits_.longest;
}

void Sessions::MakeRoom(const std::string& account, absl::Duration now) {
  std::erase_if(sessions_,
                [&](const auto& entry) { return Over(entry.second, now); });
  auto oldest = sessions_.end();
  auto oldest_own = sessions_.end();
  size_t own = 0;
  for (auto i = sessions_.begin(); i != sessions_.end(); ++i) {
    const auto older = [&](auto than) {
      return than == sessions_.end() || i->second.used < than->second.used;
    };
    if (older(oldest)) oldest = i;
    if (i->second.account != account) continue;
    ++own;
    if (older(oldest_own)) oldest_own = i;
  }
  if (own >= limits_.sessions_per_account) {
    sessions_.erase(oldest_own);
  } else if (sessions_.size() >= limits_.sessions) {
    sessions_.erase(oldest);
  }
}

std::string Sessions::Open(const std::string& account, absl::Duration now,
                           uint32_t role) {
  const std::string token = RandomToken();
  Session session{.key = TokenHash(token),
                  .account = account,
                  .csrf = RandomToken(),
                  .opened = now,
                  .used = now,
                  .role = role};
  std::lock_guard lock(mutex_);
  MakeRoom(account, now);
  sessions_.emplace(session.key, session);
  return token;
}

std::optional<Session> Sessions::Find(const std::string& token,
                                      absl::Duration now, bool touch) {
  if (token.empty() || token.size() > kTokenLongest) return std::nullopt;
  const std::string key = TokenHash(token);
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(key);
  if (found == sessions_.end()) return std::nullopt;
  if (Over(found->second, now)) {
    sessions_.erase(found);
    return std::nullopt;
  }
  if (touch) found->second.used = now;
  return found->second;
}

bool Sessions::Alive(const std::string& key, absl::Duration now) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(key);
  return found != sessions_.end() && !Over(found->second, now);
}

void Sessions::Close(const std::string& key) {
  std::lock_guard lock(mutex_);
  sessions_.erase(key);
}

void Sessions::CloseOthers(const std::string& account, const std::string& but) {
  std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) {
    return entry.second.account == account && entry.first != but;
  });
}

}  // namespace schoolgate::collector
