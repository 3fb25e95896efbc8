// What enrolment made this device: its name, its school, and the public keys
// that it seals to. Without it the device enforces but can report nothing.
#pragma once

#include <string>

namespace schoolgate::agent {

struct Identity {
  std::string device;  // "D-4KQ7X2M9"
  std::string school;
  std::string group;             // of the device itself
  std::string pseudonym_key;     // 32 raw bytes, the school's
  std::string sealing_key;       // X25519, the collector's
  std::string safeguarding_key;  // X25519, the school's: log-ins
  std::string police_key;        // X25519: hosts of the locked tier
};

}  // namespace schoolgate::agent
