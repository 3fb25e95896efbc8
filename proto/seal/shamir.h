// A secret in shares, of which some number together give it back and fewer
// say nothing: Shamir's scheme over GF(256), byte by byte.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace schoolgate::seal {

struct SecretShare {
  uint8_t number = 0;  // 1 to 255: where the polynomials were evaluated
  std::string bytes;   // as long as the secret
};

// `count` shares, numbered from 1, any `needed` of which give the secret.
// INVALID_ARGUMENT unless 2 <= needed <= count <= 255 and there is a secret.
absl::StatusOr<std::vector<SecretShare>> SplitSecret(std::string_view secret,
                                                     int needed, int count);

// The same with the coefficients given, coefficients[i] being those of x^(i+1)
// for each byte: for known answers.
std::vector<SecretShare> SharesOf(std::string_view secret,
                                  std::span<const std::string> coefficients,
                                  int count);

// What the shares give together. It is the secret only when they are enough
// and of one splitting: nothing in a share tells, so the caller checks the
// result. INVALID_ARGUMENT when two have the same number, one has number 0,
// or their lengths differ.
absl::StatusOr<std::string> JoinShares(std::span<const SecretShare> shares);

// The product in GF(256) modulo x^8+x^4+x^3+x+1, in the same time for all.
uint8_t FieldProduct(uint8_t a, uint8_t b);

}  // namespace schoolgate::seal
