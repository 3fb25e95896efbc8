// Opening key files for the verbs that sign.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/trust/key_file.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::rules {

inline constexpr char kRulesProgram[] = "schoolgate-rules";

// Where a passphrase comes from: --passphrase-file, else the file named by
// SCHOOLGATE_PASSPHRASE_FILE, else a question on the terminal without echo.
struct PassphraseOption {
  std::string file;

  void AddTo(CLI::App* verb);
};

// The first line of the file, or what the person types. With `twice` it is
// asked for again and must agree. FAILED_PRECONDITION without a terminal.
absl::StatusOr<std::string> AskPassphrase(const PassphraseOption& option,
                                          const std::string& what, bool twice);

// Reads and opens a secret key file; asks only when it has a passphrase.
absl::StatusOr<NamedKey> LoadKey(const std::string& path,
                                 const PassphraseOption& option);
absl::StatusOr<std::vector<NamedKey>> LoadKeys(
    const std::vector<std::string>& paths, const PassphraseOption& option);

absl::StatusOr<v1::PublicKeyFile> LoadPublicPart(const std::string& path);

absl::StatusOr<v1::RootChain> LoadRootFile(const std::string& path);
// The newest root of the file.
absl::StatusOr<TrustRoot> LoadRoot(const std::string& path);

// The key's only role among `fitting`; `chosen` (a role's name, may be empty)
// decides where there are several. INVALID_ARGUMENT when it has none.
absl::StatusOr<v1::TrustRole> RoleFor(const NamedKey& key,
                                      const std::vector<v1::TrustRole>& fitting,
                                      const std::string& chosen);

bool HasRole(const v1::PublicKeyFile& key, v1::TrustRole role);

// "PATH: " in front of a status's message, code and cause kept.
absl::Status InFile(const std::string& path, const absl::Status& status);

}  // namespace schoolgate::rules
