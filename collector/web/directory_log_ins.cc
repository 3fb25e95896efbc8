#include "collector/web/directory_log_ins.h"

#include <sodium.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "collector/web/sessions.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr char kKind[] = "directory";

// Known to the browser alone.
std::string KeyOf(const std::string& token) {
  static_assert(crypto_secretbox_KEYBYTES == crypto_generichash_BYTES);
  return TokenHash("seal " + token);
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Seal(const DirectoryLogIn& one, const std::string& token) {
  const std::string text =
      nlohmann::json{{"state", one.log_in.state},
                     {"nonce", one.log_in.nonce},
                     {"verifier", one.log_in.verifier},
                     {"account", one.account}}
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string sealed = seal::RandomBytes(crypto_secretbox_NONCEBYTES);
  sealed.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES +
                text.size());
  crypto_secretbox_easy(reinterpret_cast<unsigned char*>(
                            sealed.data() + crypto_secretbox_NONCEBYTES),
                        Bytes(text), text.size(), Bytes(sealed),
                        Bytes(KeyOf(token)));
  return sealed;
}

bool Unseal(std::string_view sealed, const std::string& token,
            DirectoryLogIn* one) {
  constexpr size_t kLeast =
      crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (sealed.size() < kLeast) return false;
  std::string text(sealed.size() - kLeast, '\0');
  if (crypto_secretbox_open_easy(
          reinterpret_cast<unsigned char*>(text.data()),
          Bytes(sealed.substr(crypto_secretbox_NONCEBYTES)),
          sealed.size() - crypto_secretbox_NONCEBYTES, Bytes(sealed),
          Bytes(KeyOf(token))) != 0) {
    return false;
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return false;
  one->log_in.state = json.value("state", "");
  one->log_in.nonce = json.value("nonce", "");
  one->log_in.verifier = json.value("verifier", "");
  one->account = json.value("account", "");
  return true;
}

}  // namespace

void DirectoryLogIns::MakeRoom(const std::string& address,
                               std::vector<Passing>& all) const {
  std::erase_if(all,
                [&](const Passing& one) { return one.age >= limits_.longest; });
  auto oldest = all.end();
  auto oldest_own = all.end();
  size_t own = 0;
  for (auto i = all.begin(); i != all.end(); ++i) {
    const auto older = [&](auto than) {
      return than == all.end() || i->age > than->age;
    };
    if (older(oldest)) oldest = i;
    if (i->owner != address) continue;
    ++own;
    if (older(oldest_own)) oldest_own = i;
  }
  if (own >= limits_.per_address) {
    all.erase(oldest_own);
  } else if (all.size() >= limits_.all) {
    all.erase(oldest);
  }
}

absl::StatusOr<std::string> DirectoryLogIns::Open(DirectoryLogIn log_in,
                                                  absl::Duration now) {
  std::string token = RandomToken();
  const absl::Status opened =
      store_.Change(kKind, now, [&](std::vector<Passing>& all) {
        MakeRoom(log_in.address, all);
        all.push_back({.key = TokenHash(token),
                       .owner = log_in.address,
                       .body = Seal(log_in, token)});
      });
  if (!opened.ok()) return opened;
  return token;
}

std::optional<DirectoryLogIn> DirectoryLogIns::Take(const std::string& token,
                                                    absl::Duration now) {
  const auto taken = store_.Take(kKind, TokenHash(token), now);
  DirectoryLogIn log_in;
  if (!taken.ok() || taken->age >= limits_.longest ||
      !Unseal(taken->body, token, &log_in)) {
    return std::nullopt;
  }
  log_in.address = taken->owner;
  log_in.begun = now - taken->age;
  return log_in;
}

void DirectoryLogIns::PutBack(const std::string& token,
                              const DirectoryLogIn& log_in,
                              absl::Duration now) {
  (void)store_.Change(kKind, now, [&](std::vector<Passing>& all) {
    all.push_back({.key = TokenHash(token),
                   .owner = log_in.address,
                   .body = Seal(log_in, token),
                   .age = now - log_in.begun,
                   .quiet = now - log_in.begun});
  });
}

}  // namespace schoolgate::collector
