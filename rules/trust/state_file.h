// A message kept in two files, each behind its hash: when one is damaged or
// half written, the other holds.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "platform/whole_file.h"
#include "rules/trust/signature.h"

namespace schoolgate::rules {

// `Message` has a field `generation` that grows with every write.
template <typename Message>
std::optional<Message> ReadStateFile(const std::string& path, size_t limit) {
  const auto bytes = platform::ReadWholeFile(path, limit);
  if (!bytes.ok() || bytes->size() < kKeyIdBytes) return std::nullopt;
  const std::string body = bytes->substr(kKeyIdBytes);
  if (bytes->substr(0, kKeyIdBytes) != Hash256(body)) return std::nullopt;
  Message message;
  if (!message.ParseFromString(body)) return std::nullopt;
  return message;
}

// The newer of the two; an empty message when neither can be read.
template <typename Message>
Message ReadState(const std::string& path, size_t limit) {
  Message newest;
  for (const char* slot : {".a", ".b"}) {
    const auto read = ReadStateFile<Message>(path + slot, limit);
    if (read && read->generation() >= newest.generation()) newest = *read;
  }
  return newest;
}

// Writes one after the other, each durably.
template <typename Message>
absl::Status WriteState(const std::string& path, Message* message) {
  message->set_generation(message->generation() + 1);
  const std::string body = message->SerializeAsString();
  for (const char* slot : {".a", ".b"}) {
    absl::Status status =
        platform::ReplaceFile(path + slot, Hash256(body) + body, 0600);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::rules
