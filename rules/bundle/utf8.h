// Text that goes into a bundle or out to a reader has to be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace schoolgate::rules {

// Bytes of the character at the begin of `bytes`; 0 when there is none.
size_t Utf8CharacterBytes(std::string_view bytes);

// The same text; every byte that is part of no character becomes "\xNN".
std::string AsUtf8(std::string_view bytes);

}  // namespace schoolgate::rules
