// A small value that survives power loss: two slots, written in turn.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/directory.h"

namespace schoolgate::agent {

inline constexpr size_t kSlotContentBytes = 492;

// One process writes; any number of others may Read from files of their own.
// Not thread-safe.
class SlotFile {
 public:
  // Opens the file, or makes it with both slots' space taken, so that writing
  // works on a full disk. Errors are those of platform::Directory.
  static absl::StatusOr<std::unique_ptr<SlotFile>> OpenOrCreate(
      platform::Directory& directory, const std::string& name,
      std::string_view magic, platform::OpenMode create_mode);
  // For a process that may only read it.
  static absl::StatusOr<std::unique_ptr<SlotFile>> OpenToRead(
      platform::Directory& directory, const std::string& name,
      std::string_view magic);

  // The newest valid content, zero-padded to kSlotContentBytes; nothing when
  // no slot is valid.
  std::optional<std::string> Read();

  // Durable when OK. After a failure the value is the old or the new one.
  absl::Status Write(std::string_view content);

 private:
  SlotFile(std::unique_ptr<platform::File> file, std::string_view magic)
      : file_(std::move(file)), magic_(magic) {}

  std::unique_ptr<platform::File> file_;
  const std::string magic_;
  uint64_t generation_ = 0;  // newest seen or written
};

}  // namespace schoolgate::agent
