#include "agent/spool/slot_file.h"

#include "platform/check.h"
#include "proto/seal/crc32c.h"
#include "proto/seal/little_endian.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kSlotBytes = 512;
constexpr size_t kContentAt = 16;
constexpr size_t kCrcAt = kSlotBytes - 4;
static_assert(kContentAt + kSlotContentBytes == kCrcAt);

}  // namespace

absl::StatusOr<std::unique_ptr<SlotFile>> SlotFile::OpenOrCreate(
    platform::Directory& directory, const std::string& name,
    std::string_view magic, platform::OpenMode create_mode) {
  auto file = directory.Open(name, platform::OpenMode::kReadWrite);
  if (absl::IsNotFound(file.status())) {
    file = directory.Open(name, create_mode);
    if (!file.ok()) return file.status();
  }
  if (!file.ok()) return file.status();
  auto size = (*file)->Size();
  if (!size.ok()) return size.status();
  if (*size < 2 * kSlotBytes) {
    absl::Status status =
        (*file)->WriteAt(*size, std::string(2 * kSlotBytes - *size, '\0'));
    if (status.ok()) status = (*file)->Sync();
    if (status.ok()) status = directory.Sync();
    if (!status.ok()) return status;
  }
  auto slots = std::unique_ptr<SlotFile>(new SlotFile(*std::move(file), magic));
  slots->Read();
  return slots;
}

absl::StatusOr<std::unique_ptr<SlotFile>> SlotFile::OpenToRead(
    platform::Directory& directory, const std::string& name,
    std::string_view magic) {
  auto file = directory.Open(name, platform::OpenMode::kRead);
  if (!file.ok()) return file.status();
  return std::unique_ptr<SlotFile>(new SlotFile(*std::move(file), magic));
}

std::optional<std::string> SlotFile::Read() {
  std::string both(2 * kSlotBytes, '\0');
  auto got = file_->ReadAt(0, both);
  if (!got.ok()) return std::nullopt;
  std::optional<std::string> newest;
  uint64_t newest_generation = 0;
  for (size_t slot = 0; slot < 2; ++slot) {
    const auto bytes =
        std::string_view(both).substr(slot * kSlotBytes, kSlotBytes);
    if (bytes.substr(0, magic_.size()) != magic_) continue;
    if (seal::GetLittle<uint32_t>(bytes, kCrcAt) !=
        seal::Crc32c(bytes.substr(0, kCrcAt))) {
      continue;
    }
    const auto generation = seal::GetLittle<uint64_t>(bytes, 8);
    if (generation % 2 != slot) continue;
    if (newest && generation < newest_generation) continue;
    newest = bytes.substr(kContentAt, kSlotContentBytes);
    newest_generation = generation;
  }
  if (newest) generation_ = newest_generation;
  return newest;
}

absl::Status SlotFile::Write(std::string_view content) {
  SG_CHECK(content.size() <= kSlotContentBytes);
  // A failed write spoils only the slot that is not the newest, so the same
  // slot is tried again: the generation moves on success alone.
  const uint64_t generation = generation_ + 1;
  std::string slot = magic_;
  seal::PutLittle<uint64_t>(slot, generation);
  slot += content;
  slot.resize(kCrcAt, '\0');
  seal::PutLittle<uint32_t>(slot, seal::Crc32c(slot));
  absl::Status status = file_->WriteAt((generation % 2) * kSlotBytes, slot);
  if (status.ok()) status = file_->Sync();
  if (status.ok()) generation_ = generation;
  return status;
}

}  // namespace schoolgate::agent
