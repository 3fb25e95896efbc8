// Files that only the holder of a key can open, for what is carried out of the
// collector: a stick that is lost gives nothing away. A sealed box of libsodium
// (X25519, XSalsa20-Poly1305) behind one line that says what it is.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

// Writes PREFIX.key (for who reads, mode 0600) and PREFIX.pub (for who seals).
// ALREADY_EXISTS where either is there: a key is never replaced.
absl::Status MakeReaderKey(const std::string& prefix);

// What the public key in `key_file` (PREFIX.pub) alone cannot open.
absl::StatusOr<std::string> SealForReader(const std::string& key_file,
                                          std::string_view bytes);

// PERMISSION_DENIED when it is sealed to another key or was changed,
// INVALID_ARGUMENT when it is no sealed file.
absl::StatusOr<std::string> OpenSealed(const std::string& file,
                                       const std::string& key_file);

}  // namespace schoolgate::collector
