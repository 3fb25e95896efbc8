// HMAC-SHA256: for those who check with whatever their own language has.
#pragma once

#include <string>
#include <string_view>

namespace schoolgate::seal {

// 32 raw bytes.
std::string HmacSha256(std::string_view key, std::string_view message);

}  // namespace schoolgate::seal
