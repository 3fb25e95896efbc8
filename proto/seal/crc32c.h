// CRC-32C (Castagnoli): finds torn and rotten bytes; proves nothing against
// people.
#pragma once

#include <cstdint>
#include <string_view>

namespace schoolgate::seal {

uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace schoolgate::seal
