// The shares of the key that opens the names of people: one file for each
// senior person, behind a passphrase. Two of them, of two people, open a name;
// docs/operating.md tells how they are made and kept.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/seal/keys.h"
#include "proto/seal/shamir.h"

namespace schoolgate::collector {

inline constexpr int kSharesNeeded = 2;

// Who gets a share.
struct ShareHolder {
  std::string name;  // "head": letters, digits, "-"
  std::string passphrase;
};

// A share's file in its text form: JSON, which the dashboard's page reads.
struct ShareFile {
  std::string holder;
  std::string text;
};

// INVALID_ARGUMENT for fewer than two names, or for one given twice or of
// other letters.
absl::Status CheckShareHolders(const std::vector<std::string>& names);

// One file for each holder. Every two of them were put together again and
// gave the key before this returns. INVALID_ARGUMENT for fewer than two
// holders, for one named twice or badly, or for a short passphrase.
absl::StatusOr<std::vector<ShareFile>> SplitNameKey(
    const seal::BoxKey& key, const std::string& school,
    std::span<const ShareHolder> holders);

// INVALID_ARGUMENT for what is no share file, UNAUTHENTICATED for a wrong
// passphrase or a changed file.
absl::StatusOr<seal::SecretShare> OpenShareFile(std::string_view text,
                                                std::string_view passphrase);

}  // namespace schoolgate::collector
