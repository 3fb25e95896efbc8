// DNS questions of a self-test, asked on loopback the way a user's questions
// go, and which of them were refused. Nothing leaves the machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace schoolgate::platform {

// A name with a fresh random label below the canary host of a category (with
// an empty one: below none): whoever keeps the rules treats it as that
// category.
std::string FreshCanaryName(const std::string& category);

// A resource. Not thread-safe.
class LoopbackQuestions {
 public:
  // Asks 127.0.0.1, port 53, whoever listens there or not. Null where there is
  // no socket to be had.
  static std::unique_ptr<LoopbackQuestions> Ask(
      const std::vector<std::string>& names);
  virtual ~LoopbackQuestions() = default;

  // Takes what was answered by now; never waits. True for each name, in the
  // order they were given, that was answered "no such name".
  virtual const std::vector<bool>& Refused() = 0;
};

}  // namespace schoolgate::platform
