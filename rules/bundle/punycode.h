// International names as they travel: labels that begin with "xn--".
#pragma once

#include <string_view>

namespace schoolgate::rules {

// Whether each label of a HostName's text that begins with "xn--" stands for
// characters.
bool HasSoundPunycode(std::string_view text);

}  // namespace schoolgate::rules
