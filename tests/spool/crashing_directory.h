// A folder that kills its process at one named point of the spool's work.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "platform/directory.h"

namespace schoolgate::tests {

// Where a spool can die: an operation on a kind of file. "half": after part
// of the bytes; "done": after the operation, before anybody learns of it.
inline constexpr std::array<std::string_view, 24> kCrashPoints = {
    "segment-create", "segment-created", "segment-reserved",  "spare-create",
    "spare-rename",   "spare-renamed",   "header-before",     "header-half",
    "header-done",    "record-before",   "record-half",       "record-done",
    "segment-sync",   "segment-synced",  "segment-truncated", "folder-synced",
    "state-half",     "state-done",      "state-synced",      "frontier-half",
    "frontier-done",  "frontier-synced", "unlink-before",     "unlink-done",
};

// Raises SIGKILL when `point` is passed for the `countdown`th time. Borrows
// `inner` for life.
class CrashingDirectory : public platform::Directory {
 public:
  CrashingDirectory(platform::Directory& inner, std::string_view point,
                    int countdown)
      : inner_(inner), point_(point), countdown_(countdown) {}

  absl::StatusOr<std::unique_ptr<platform::File>> Open(
      const std::string& name, platform::OpenMode mode) override;
  absl::StatusOr<std::vector<std::string>> List() override {
    return inner_.List();
  }
  absl::Status Remove(const std::string& name) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Sync() override;

  // Dies here when it is the time and the place.
  void Pass(std::string_view point);
  bool Next(std::string_view point) const {
    return point == point_ && countdown_ == 1;
  }

 private:
  platform::Directory& inner_;
  const std::string point_;
  int countdown_;
};

}  // namespace schoolgate::tests
