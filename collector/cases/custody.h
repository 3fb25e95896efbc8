// A custody pack: what is known of one case, in lines of which each holds the
// hash of all before it, signed at the end. Whoever has the pack can check it
// without the collector. The format is in docs/custody-pack.md.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

struct CustodyPack {
  std::string text;
  std::string hash;  // of the last line, hexadecimal: names the pack
};

// Each record is an object with its kind under "kind". The first one says
// what the pack is about.
CustodyPack MakeCustodyPack(const std::vector<nlohmann::json>& records,
                            const seal::SigningKey& key);

struct CustodyFacts {
  uint64_t records = 0;
  std::string hash;
  std::string key;  // public, hexadecimal
  nlohmann::json first;
};

// DATA_LOSS names the line where it stops being what was signed. With
// `expected_key` (hexadecimal), a pack that somebody else signed is
// PERMISSION_DENIED; without, anybody may have made it.
absl::StatusOr<CustodyFacts> VerifyCustodyPack(std::string_view pack,
                                               std::string_view expected_key);

// The same of a file of at most `limit_bytes`; errors name it.
absl::StatusOr<CustodyFacts> VerifyCustodyFile(const std::string& path,
                                               size_t limit_bytes,
                                               std::string_view expected_key);

}  // namespace schoolgate::collector
