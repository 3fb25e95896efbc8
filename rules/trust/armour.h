// Binary files as text that survives e-mail, a printer and a diff:
//   -----BEGIN SCHOOLGATE ROOT-----
//   base64, 64 columns
//   -----END SCHOOLGATE ROOT-----
// Lines before the first mark are for people and are ignored.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace schoolgate::rules {

// What stands after SCHOOLGATE in the marks.
inline constexpr std::string_view kRootLabel = "ROOT";
inline constexpr std::string_view kSecretKeyLabel = "SECRET KEY";
inline constexpr std::string_view kPublicKeyLabel = "PUBLIC KEY";
inline constexpr std::string_view kSignaturesLabel = "SIGNATURES";
inline constexpr std::string_view kManifestLabel = "MANIFEST";
inline constexpr std::string_view kOrderLabel = "ORDER";

inline constexpr size_t kMaxArmourBytes = 1 << 20;

std::string Armour(std::string_view label, std::string_view bytes);

// INVALID_ARGUMENT when there is not exactly one block, of this label, of
// clean base64, in at most kMaxArmourBytes.
absl::StatusOr<std::string> Unarmour(std::string_view label,
                                     std::string_view text);

// The label of the first block in the text; empty when there is none.
std::string_view ArmourLabel(std::string_view text);

}  // namespace schoolgate::rules
