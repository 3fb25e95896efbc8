// The key that opens names, as shares in the folder to be taken away.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/cli/data_directory.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

// A share's file and its passphrase, to be shown once.
struct NewShare {
  std::string holder;
  std::string file;
  std::string passphrase;
};

// Who gets a share when nobody says otherwise: the school's senior roles.
std::vector<std::string> DefaultShareHolders();

// Writes one share file for each holder, each behind a passphrase made here.
// The key itself is not written. INVALID_ARGUMENT as SplitNameKey says.
absl::StatusOr<std::vector<NewShare>> WriteShares(
    const DataDirectory& directory, const std::string& school,
    const seal::BoxKey& key, const std::vector<std::string>& holders);

// Turns a whole key in a file into shares, then erases the file. `key_file`
// empty: the one that setup wrote before there were shares. INVALID_ARGUMENT
// when it is not the key that the school's devices seal names to.
absl::StatusOr<std::vector<NewShare>> SplitKeyFile(
    const DataDirectory& directory, const std::string& school,
    std::string key_file, const std::vector<std::string>& holders);

void PrintShares(const std::vector<NewShare>& shares);

}  // namespace schoolgate::collector
