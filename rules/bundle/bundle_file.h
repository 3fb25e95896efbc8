// The bundle file: head, signatures and sections. docs/bundle-format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"
#include "rules/bundle/digest.h"
#include "rules/bundle/mapped_file.h"
#include "rules/bundle/new_file.h"

namespace schoolgate::rules {

inline constexpr uint32_t kBundleFormatVersion = 2;
inline constexpr uint64_t kManifestLimit = 1 << 20;
inline constexpr uint64_t kSignaturesLimit = 64 << 10;
inline constexpr uint64_t kPageBytes = 4096;
inline constexpr int kSectionLimit = 64;

// A signature is made over this prefix followed by the manifest's bytes.
inline constexpr std::string_view kBundleSigningDomain(
    "schoolgate bundle manifest v1\0", 30);

// A bundle whose head is well-formed. Immutable and thread-safe. Nothing is
// said about who made it: rules/trust decides that.
class BundleFile {
 public:
  // Reads the head only, never the sections. INVALID_ARGUMENT names the file
  // and what is wrong with it.
  static absl::StatusOr<std::unique_ptr<const BundleFile>> Open(
      const std::string& path);

  // The same over bytes in memory. `name` stands in errors.
  static absl::StatusOr<std::unique_ptr<const BundleFile>> FromBytes(
      std::string bytes, const std::string& name);

  const std::string& path() const { return path_; }
  const v1::BundleManifest& manifest() const { return manifest_; }
  const v1::BundleSignatures& signatures() const { return signatures_; }

  // Exactly as they lie in the file: what is signed.
  std::span<const uint8_t> manifest_bytes() const { return manifest_bytes_; }

  // The bytes of a section; nothing when the bundle has none of that name.
  // They are not checked against their hash: see the calls below.
  std::optional<std::span<const uint8_t>> Section(std::string_view name) const;

  // DATA_LOSS names the first section whose bytes are not what the manifest
  // says. VerifySections reads the whole file.
  absl::Status VerifySection(std::string_view name) const;
  absl::Status VerifySections() const;

  uint64_t file_bytes() const { return bytes_.size(); }

  // Pages of the file that could not be read when they were needed, and read
  // as zeros since: MappedFile.
  uint64_t lost_pages() const {
    return mapped_ == nullptr ? 0 : mapped_->lost_pages();
  }

  // Lets go of the memory under these bytes of the file, which have been read
  // and are not expected to be read again soon. They stay readable.
  void Forget(std::span<const uint8_t> bytes) const;

 private:
  BundleFile() = default;
  absl::Status Parse();
  absl::Status CheckSections() const;
  absl::Status Malformed(std::string_view what) const;

  std::string path_;
  std::unique_ptr<MappedFile> mapped_;
  std::string owned_;
  std::span<const uint8_t> bytes_;
  std::span<const uint8_t> manifest_bytes_;
  std::span<const uint8_t> payload_;
  v1::BundleManifest manifest_;
  v1::BundleSignatures signatures_;
};

// The message's bytes, the same each time.
std::string SerialiseExactly(const google::protobuf::MessageLite& message);

// One section to be written. Borrowed for the call.
struct SectionBytes {
  std::string name;
  std::span<const uint8_t> bytes;
};

// Lays out `sections`, fills manifest.sections and returns the manifest's
// bytes. The same input gives the same bytes.
std::string LayOutManifest(v1::BundleManifest manifest,
                           const std::vector<SectionBytes>& sections);

// Writes a bundle; a file at `path` is replaced only by a whole one.
absl::Status WriteBundle(const std::string& path,
                         const v1::BundleManifest& manifest,
                         const v1::BundleSignatures& signatures,
                         const std::vector<SectionBytes>& sections);

// The same bundle with another signature block.
absl::Status ReplaceSignatures(const std::string& path,
                               const v1::BundleSignatures& signatures);

// Writes a bundle whose manifest is known before its sections are: what
// applying a delta needs. Not thread-safe.
class BundleWriter {
 public:
  static absl::StatusOr<std::unique_ptr<BundleWriter>> Create(
      const std::string& path, std::string manifest_bytes,
      const v1::BundleSignatures& signatures);

  const v1::BundleManifest& manifest() const { return manifest_; }

  // Appends bytes of the section that is due. OUT_OF_RANGE when it is full.
  absl::Status Append(std::span<const uint8_t> bytes);

  // Ends the section that is due. DATA_LOSS when size or hash is not what the
  // manifest says.
  absl::Status EndSection();

  // Syncs and renames. FAILED_PRECONDITION while a section is missing.
  absl::Status Commit();

 private:
  BundleWriter() = default;
  absl::Status Pad();

  std::unique_ptr<NewFile> file_;
  v1::BundleManifest manifest_;
  int due_ = 0;
  uint64_t written_ = 0;  // of the section that is due
  uint64_t payload_ = 0;
  std::unique_ptr<DigestStream> digest_;
};

}  // namespace schoolgate::rules
