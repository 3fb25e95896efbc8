// Finds a copied device: each contact hands out a new numbered nonce, and a
// copy can only show one that was used up meanwhile.
#pragma once

#include <string>
#include <string_view>

namespace schoolgate::collector {

enum class ContactVerdict {
  kGood,
  kRepeated,   // the last answer may have been lost: let it pass once more
  kForgotten,  // the device shows none, or one that we never gave
  kAhead,      // ours, but of a later contact than we know: we were restored
  kClone,      // used up by somebody else
};

struct ContactStep {
  ContactVerdict verdict = ContactVerdict::kGood;
  std::string state;  // to be stored before `give` is sent
  std::string give;
};

// `state` is what the last step returned for this device; empty at first.
// `secret` is the collector's own. A kClone has neither state nor give.
ContactStep NextContact(std::string_view secret, std::string_view device,
                        std::string_view state, std::string_view shown);

}  // namespace schoolgate::collector
