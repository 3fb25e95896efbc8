#include "tests/spool/crashing_directory.h"

#include <signal.h>

#include "agent/spool/layout.h"

namespace schoolgate::tests {
namespace {

// "segment", "state", "frontier" or "spare".
std::string KindOf(const std::string& name) {
  if (name == agent::kStateName) return "state";
  if (name == agent::kFrontierName) return "frontier";
  if (name == agent::kSpareName) return "spare";
  return "segment";
}

class CrashingFile : public platform::File {
 public:
  CrashingFile(std::unique_ptr<platform::File> inner, std::string kind,
               CrashingDirectory& directory)
      : inner_(std::move(inner)),
        kind_(std::move(kind)),
        directory_(directory) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset,
                                std::span<char> into) override {
    return inner_->ReadAt(offset, into);
  }

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    std::string what = kind_;
    if (kind_ == "segment") what = offset == 0 ? "header" : "record";
    directory_.Pass(what + "-before");
    if (directory_.Next(what + "-half")) {
      (void)inner_->WriteAt(offset, bytes.substr(0, bytes.size() / 2));
    }
    directory_.Pass(what + "-half");
    absl::Status status = inner_->WriteAt(offset, bytes);
    directory_.Pass(what + "-done");
    return status;
  }

  absl::Status Reserve(uint64_t bytes) override {
    absl::Status status = inner_->Reserve(bytes);
    directory_.Pass(kind_ + "-reserved");
    return status;
  }

  absl::Status Truncate(uint64_t bytes) override {
    absl::Status status = inner_->Truncate(bytes);
    directory_.Pass(kind_ + "-truncated");
    return status;
  }

  absl::Status Sync() override {
    directory_.Pass(kind_ + "-sync");
    absl::Status status = inner_->Sync();
    directory_.Pass(kind_ + "-synced");
    return status;
  }

  absl::StatusOr<uint64_t> Size() override { return inner_->Size(); }

 private:
  const std::unique_ptr<platform::File> inner_;
  const std::string kind_;
  CrashingDirectory& directory_;
};

}  // namespace

void CrashingDirectory::Pass(std::string_view point) {
  if (point == point_ && --countdown_ == 0) raise(SIGKILL);
}

absl::StatusOr<std::unique_ptr<platform::File>> CrashingDirectory::Open(
    const std::string& name, platform::OpenMode mode) {
  const std::string kind = KindOf(name);
  const bool create = mode == platform::OpenMode::kCreate ||
                      mode == platform::OpenMode::kCreateShared;
  if (create) Pass(kind + "-create");
  auto file = inner_.Open(name, mode);
  if (!file.ok()) return file.status();
  if (create) Pass(kind + "-created");
  return std::make_unique<CrashingFile>(*std::move(file), kind, *this);
}

absl::Status CrashingDirectory::Remove(const std::string& name) {
  Pass("unlink-before");
  absl::Status status = inner_.Remove(name);
  Pass("unlink-done");
  return status;
}

absl::Status CrashingDirectory::Rename(const std::string& from,
                                       const std::string& to) {
  Pass("spare-rename");
  absl::Status status = inner_.Rename(from, to);
  Pass("spare-renamed");
  return status;
}

absl::Status CrashingDirectory::Sync() {
  absl::Status status = inner_.Sync();
  Pass("folder-synced");
  return status;
}

}  // namespace schoolgate::tests
