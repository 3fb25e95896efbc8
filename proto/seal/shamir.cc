#include "proto/seal/shamir.h"

#include <sodium.h>

#include "absl/status/status.h"
#include "platform/check.h"
#include "proto/seal/keys.h"

namespace schoolgate::seal {
namespace {

constexpr int kMostShares = 255;
constexpr uint8_t kReduction = 0x1b;
constexpr int kInverseExponent = 254;

// a^254: a's inverse, since a^255 is 1 for all but 0.
uint8_t FieldInverse(uint8_t a) {
  uint8_t result = 1;
  for (int i = 0; i < kInverseExponent; ++i) result = FieldProduct(result, a);
  return result;
}

// The share's weight in the value at 0 of the polynomial through all points.
uint8_t WeightOf(const SecretShare& share,
                 std::span<const SecretShare> shares) {
  uint8_t weight = 1;
  for (const SecretShare& other : shares) {
    if (other.number == share.number) continue;
    const uint8_t apart = other.number ^ share.number;
    weight =
        FieldProduct(weight, FieldProduct(other.number, FieldInverse(apart)));
  }
  return weight;
}

absl::Status CheckShares(std::span<const SecretShare> shares) {
  if (shares.size() < 2) {
    return absl::InvalidArgumentError("shares: needs two at least");
  }
  bool known[kMostShares + 1] = {true};
  for (const SecretShare& share : shares) {
    if (known[share.number]) {
      return absl::InvalidArgumentError(
          "shares: two are the same one, or one is damaged");
    }
    known[share.number] = true;
    if (share.bytes.size() != shares.front().bytes.size()) {
      return absl::InvalidArgumentError("shares: not of one secret");
    }
  }
  return absl::OkStatus();
}

}  // namespace

uint8_t FieldProduct(uint8_t a, uint8_t b) {
  uint8_t product = 0;
  for (int bit = 0; bit < 8; ++bit) {
    product ^= static_cast<uint8_t>(-(b & 1) & a);
    const uint8_t carry = static_cast<uint8_t>(-(a >> 7) & kReduction);
    a = static_cast<uint8_t>(a << 1) ^ carry;
    b >>= 1;
  }
  return product;
}

std::vector<SecretShare> SharesOf(std::string_view secret,
                                  std::span<const std::string> coefficients,
                                  int count) {
  std::vector<SecretShare> shares;
  for (int number = 1; number <= count; ++number) {
    SecretShare share{static_cast<uint8_t>(number), std::string(secret)};
    for (size_t at = 0; at < secret.size(); ++at) {
      uint8_t power = 1;
      for (const std::string& coefficient : coefficients) {
        SG_CHECK(coefficient.size() == secret.size());
        power = FieldProduct(power, share.number);
        const auto term = static_cast<uint8_t>(coefficient[at]);
        share.bytes[at] = static_cast<char>(
            static_cast<uint8_t>(share.bytes[at]) ^ FieldProduct(power, term));
      }
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

absl::StatusOr<std::vector<SecretShare>> SplitSecret(std::string_view secret,
                                                     int needed, int count) {
  if (secret.empty() || needed < 2 || needed > count || count > kMostShares) {
    return absl::InvalidArgumentError(
        "shares: needs a secret and 2 to 255 shares, of which at least two "
        "are needed");
  }
  std::vector<std::string> coefficients;
  for (int i = 1; i < needed; ++i) {
    coefficients.push_back(RandomBytes(secret.size()));
  }
  std::vector<SecretShare> shares = SharesOf(secret, coefficients, count);
  for (std::string& one : coefficients) sodium_memzero(one.data(), one.size());
  return shares;
}

absl::StatusOr<std::string> JoinShares(std::span<const SecretShare> shares) {
  if (absl::Status fine = CheckShares(shares); !fine.ok()) return fine;
  std::string secret(shares.front().bytes.size(), '\0');
  for (const SecretShare& share : shares) {
    const uint8_t weight = WeightOf(share, shares);
    for (size_t at = 0; at < secret.size(); ++at) {
      const auto byte = static_cast<uint8_t>(share.bytes[at]);
      secret[at] = static_cast<char>(static_cast<uint8_t>(secret[at]) ^
                                     FieldProduct(weight, byte));
    }
  }
  return secret;
}

}  // namespace schoolgate::seal
