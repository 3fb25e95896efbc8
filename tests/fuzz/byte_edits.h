// A sound file with a few bytes changed: what a fuzzer needs to get past the
// first check of a format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace schoolgate {

// Each four bytes of `edits` are an offset of three, lowest byte first, modulo
// the size of `sound`, and the byte to stand there. 0xff as the first byte of
// what is left over cuts the file to half.
inline std::string Edited(std::string sound, const uint8_t* edits,
                          size_t size) {
  for (; size >= 4; edits += 4, size -= 4) {
    const size_t at = edits[0] | size_t{edits[1]} << 8 | size_t{edits[2]} << 16;
    sound[at % sound.size()] = static_cast<char>(edits[3]);
  }
  if (size > 0 && edits[0] == 0xff) sound.resize(sound.size() / 2);
  return sound;
}

}  // namespace schoolgate
