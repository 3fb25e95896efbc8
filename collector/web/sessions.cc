#include "collector/web/sessions.h"

#include <sodium.h>

#include <string_view>
#include <vector>

#include "platform/check.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kTokenLongest = 64;
constexpr char kKind[] = "session";
// A page asks several things at once: one of them counts as activity.
constexpr absl::Duration kTouchAfter = absl::Seconds(1);

std::string Letters(std::string_view bytes) {
  constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), kForm), '\0');
  sodium_bin2base64(text.data(), text.size(),
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kForm);
  text.pop_back();  // its end as a C string
  return text;
}

// Nothing that is kept tells it: the token does.
std::string CsrfOf(const std::string& token) {
  return Letters(TokenHash("csrf " + token));
}

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
  std::string bytes(kTokenBytes, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return Letters(bytes);
}

bool Sessions::Over(const Passing& session) const {
  return session.quiet >= limits_.idle || session.age >= limits_.longest;
}

void Sessions::MakeRoom(const std::string& account,
                        std::vector<Passing>& sessions) const {
  std::erase_if(sessions, [&](const Passing& one) { return Over(one); });
  auto oldest = sessions.end();
  auto oldest_own = sessions.end();
  size_t own = 0;
  for (auto i = sessions.begin(); i != sessions.end(); ++i) {
    const auto older = [&](auto than) {
      return than == sessions.end() || i->quiet > than->quiet;
    };
    if (older(oldest)) oldest = i;
    if (i->owner != account) continue;
    ++own;
    if (older(oldest_own)) oldest_own = i;
  }
  if (own >= limits_.sessions_per_account) {
    sessions.erase(oldest_own);
  } else if (sessions.size() >= limits_.sessions) {
    sessions.erase(oldest);
  }
}

absl::StatusOr<std::string> Sessions::Open(const std::string& account,
                                           absl::Duration now) {
  std::string token = RandomToken();
  const absl::Status opened =
      store_.Change(kKind, now, [&](std::vector<Passing>& sessions) {
        MakeRoom(account, sessions);
        sessions.push_back({.key = TokenHash(token), .owner = account});
      });
  if (!opened.ok()) return opened;
  return token;
}

absl::StatusOr<Session> Sessions::Find(const std::string& token,
                                       absl::Duration now, bool touch) {
  if (token.empty() || token.size() > kTokenLongest) {
    return absl::NotFoundError("no session");
  }
  const std::string key = TokenHash(token);
  const absl::StatusOr<Passing> found = store_.Get(kKind, key, now);
  if (!found.ok()) return found.status();
  if (Over(*found)) {
    // It stays over, also when it cannot be taken away now.
    (void)Close(key, now);
    return absl::NotFoundError("over");
  }
  if (touch && found->quiet >= kTouchAfter) {
    const absl::Status touched = store_.Touch(kKind, key, now);
    if (!touched.ok()) return touched;
  }
  return Session{.key = key, .account = found->owner, .csrf = CsrfOf(token)};
}

bool Sessions::Alive(const std::string& key, absl::Duration now) {
  const absl::StatusOr<Passing> found = store_.Get(kKind, key, now);
  return found.ok() && !Over(*found);
}

absl::Status Sessions::Close(const std::string& key, absl::Duration now) {
  const absl::Status taken = store_.Take(kKind, key, now).status();
  return absl::IsNotFound(taken) ? absl::OkStatus() : taken;
}

absl::Status Sessions::CloseOthers(const std::string& account,
                                   const std::string& but, absl::Duration now) {
  return store_.Change(kKind, now, [&](std::vector<Passing>& sessions) {
    std::erase_if(sessions, [&](const Passing& one) {
      return one.owner == account && one.key != but;
    });
  });
}

}  // namespace schoolgate::collector
