#include "collector/web/password.h"

#include <sodium.h>

#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "platform/check.h"

namespace schoolgate::collector {
namespace {

// Made once a process, from a password nobody knows.
const std::string& HashOfNobody() {
  static const std::string hash = [] {
    std::array<char, 32> secret;
    randombytes_buf(secret.data(), secret.size());
    auto made = HashPassword(std::string(secret.data(), secret.size()));
    return made.ok() ? *made : std::string();
  }();
  return hash;
}

}  // namespace

absl::StatusOr<std::string> HashPassword(const std::string& password) {
  SG_CHECK(sodium_init() >= 0);
  std::array<char, crypto_pwhash_STRBYTES> hash;
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(),
                            crypto_pwhash_OPSLIMIT_INTERACTIVE,
                            crypto_pwhash_MEMLIMIT_INTERACTIVE,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        "password: not enough memory to hash it: 64 MB are needed");
  }
  return std::string(hash.data());
}

bool PasswordFits(const std::string& hash, const std::string& password) {
  const bool known = !hash.empty() && hash.size() < crypto_pwhash_STRBYTES;
  std::array<char, crypto_pwhash_STRBYTES> padded{};
  const std::string& against = known ? hash : HashOfNobody();
  against.copy(padded.data(), padded.size() - 1);
  const bool fits = crypto_pwhash_str_verify(padded.data(), password.data(),
                                             password.size()) == 0;
  return fits && known;
}

absl::Status CheckNewPassword(const std::string& account,
                              const std::string& password) {
  if (password.size() < kPasswordMinBytes) {
    return absl::InvalidArgumentError(
        "Use at least 12 characters. Three or four unrelated words work "
        "well.");
  }
  if (password.size() > kPasswordMaxBytes) {
    return absl::InvalidArgumentError("Use at most 256 characters.");
  }
  const std::string lower = absl::AsciiStrToLower(password);
  if (!account.empty() && absl::StrContains(lower, account)) {
    return absl::InvalidArgumentError(
        "Choose a password that does not contain your user name.");
  }
  if (std::set<char>(lower.begin(), lower.end()).size() < 5 ||
      absl::StrContains(lower, "password") ||
      absl::StrContains(lower, "1234567") ||
      absl::StrContains(lower, "schoolgate")) {
    return absl::InvalidArgumentError(
        "That password is too easy to guess. Three or four unrelated words "
        "work well.");
  }
  return absl::OkStatus();
}

std::string MakeOneTimePassword() {
  SG_CHECK(sodium_init() >= 0);
  // Without letters and digits that look or sound alike.
  static constexpr char kLetters[] = "acdefghjkmnpqrtuvwxy3479";
  std::string password;
  for (int i = 0; i < 19; ++i) {
    password +=
        i % 5 == 4 ? '-' : kLetters[randombytes_uniform(sizeof kLetters - 1)];
  }
  return password;
}

}  // namespace schoolgate::collector
