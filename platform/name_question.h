// A question for a name that exists nowhere, asked on loopback: proof that
// whoever watches this machine's questions is awake. Nothing leaves the
// machine.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace schoolgate::platform {

// A name with a fresh random label, under the canary host of a category, or
// with an empty category under none. Nobody but a self-test asks for it.
std::string FreshTestName(std::string_view category);

// Whether the name has that form. Such names are never told to anybody.
bool IsTestName(std::string_view name);

// One question on loopback to port 53, whoever listens there or not. A
// resource. Not thread-safe.
class NameQuestion {
 public:
  explicit NameQuestion(const std::string& name);
  ~NameQuestion();
  NameQuestion(const NameQuestion&) = delete;
  NameQuestion& operator=(const NameQuestion&) = delete;

  // Whether an answer has come that keeps the asker away from the name: no
  // such name, no address, or an address that leads nowhere. Never waits.
  bool Refused();

 private:
  int socket_ = -1;
  bool refused_ = false;
};

// Does nothing for a while.
void Pause(absl::Duration how_long);

}  // namespace schoolgate::platform
