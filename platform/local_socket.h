// Questions from people on this machine to a program of ours: one packet in,
// one packet out, and the kernel's word for who asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::platform {

inline constexpr size_t kMaxQuestionBytes = 4096;
inline constexpr size_t kMaxAnswerBytes = 64 << 10;

// Not thread-safe. The file is removed when the object goes.
class QuestionSocket {
 public:
  using Answerer =
      std::function<std::string(uint32_t uid, std::string_view question)>;

  virtual ~QuestionSocket() = default;

  // Answers everybody who has asked by now; never waits. Who connects and
  // does not ask is dropped when too many others come.
  virtual void Serve(const Answerer& answer) = 0;
};

// Anybody on the machine may connect. Replaces a stale socket file;
// ALREADY_EXISTS when a living program holds it. Leaves an empty `path`.lock.
// On a disk that has become read-only it listens without a file; AskLocal then
// believes only the owner of the folder.
absl::StatusOr<std::unique_ptr<QuestionSocket>> ListenForQuestions(
    const std::string& path);

// UNAVAILABLE when nobody answers at `path`, or not within two seconds.
absl::StatusOr<std::string> AskLocal(const std::string& path,
                                     std::string_view question);

}  // namespace schoolgate::platform
