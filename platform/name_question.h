// A question for a name that exists nowhere, asked on loopback: proof that
// whoever watches this machine's questions is awake. Nothing leaves the
// machine.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace schoolgate::platform {

// Names of this form are never told to anybody.
inline constexpr std::string_view kTestNameSuffix =
    ".selftest.check.schoolgate.test";

// A name with a fresh random label.
std::string FreshTestName();

// Sends one DNS query for the name to 127.0.0.1, port 53, whoever listens
// there or not.
void AskOnLoopback(const std::string& name);

// Does nothing for a while.
void Pause(absl::Duration how_long);

}  // namespace schoolgate::platform
