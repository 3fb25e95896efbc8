// The secret that lets a device enrol: "sg1.ID.SECRET". The collector keeps
// ID and a hash of SECRET.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace schoolgate::collector {

struct TokenText {
  std::string id;
  std::string secret;
};

TokenText MakeToken();
std::string Join(const TokenText& token);

// nullopt: not of this form.
std::optional<TokenText> ParseToken(std::string_view text);

std::string HashOfSecret(const std::string& secret);

// In constant time.
bool SecretFits(const std::string& hash, const std::string& secret);

}  // namespace schoolgate::collector
