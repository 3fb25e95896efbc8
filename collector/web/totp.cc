#include "collector/web/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/seal/hash.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr int64_t kStepSeconds = 30;
constexpr uint32_t kModulus = 1'000'000;
constexpr int kRecoveryCodes = 10;
constexpr size_t kRecoveryLetters = 8;
// Without those that are taken for another: 0 o, 1 l i.
constexpr std::string_view kLetters = "23456789abcdefghjkmnpqrstuvwxyz";

}  // namespace

int64_t TotpStep(absl::Time now) {
  return absl::ToUnixSeconds(now) / kStepSeconds;
}

std::string TotpCode(std::string_view secret, int64_t step) {
  std::array<unsigned char, 8> counter;
  for (int i = 0; i < 8; ++i) {
    counter[7 - i] = static_cast<unsigned char>(step >> (8 * i));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()),
       counter.data(), counter.size(), mac.data(), &size);
  const unsigned at = mac[19] & 0xf;
  const uint32_t number = (mac[at] & 0x7fu) << 24 | mac[at + 1] << 16 |
                          mac[at + 2] << 8 | mac[at + 3];
  return absl::StrFormat("%06u", number % kModulus);
}

std::optional<int64_t> TotpStepOf(std::string_view secret,
                                  std::string_view code, absl::Time now) {
  const int64_t middle = TotpStep(now);
  for (const int64_t step : {middle, middle - 1, middle + 1}) {
    const std::string right = TotpCode(secret, step);
    if (code.size() == right.size() &&
        sodium_memcmp(code.data(), right.data(), right.size()) == 0) {
      return step;
    }
  }
  return std::nullopt;
}

std::string Base32(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  uint32_t bits = 0;
  int waiting = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (waiting += 8; waiting >= 5; waiting -= 5) {
      text.push_back(kAlphabet[bits >> (waiting - 5) & 31]);
    }
  }
  if (waiting > 0) text.push_back(kAlphabet[bits << (5 - waiting) & 31]);
  return text;
}

std::vector<std::string> MakeRecoveryCodes() {
  std::vector<std::string> codes;
  for (int i = 0; i < kRecoveryCodes; ++i) {
    std::string code;
    while (code.size() < kRecoveryLetters + 1) {
      if (code.size() == kRecoveryLetters / 2) code.push_back('-');
      code.push_back(kLetters[randombytes_uniform(kLetters.size())]);
    }
    codes.push_back(std::move(code));
  }
  return codes;
}

std::string RecoveryHash(std::string_view code) {
  std::string plain;
  for (const char c : code) {
    if (absl::ascii_isalnum(c)) plain.push_back(absl::ascii_tolower(c));
  }
  seal::Hasher hasher;
  hasher.Add("schoolgate recovery code");
  hasher.Add(plain);
  return seal::ToHex(hasher.Finish());
}

}  // namespace schoolgate::collector
