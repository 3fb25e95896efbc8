#include "rules/bundle/bundle_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "platform/check.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kMagic("SGBUNDLE", 8);
constexpr uint64_t kHeaderBytes = 32;
constexpr size_t kNameLimit = 64;

uint64_t PageEnd(uint64_t at) {
  return (at + kPageBytes - 1) / kPageBytes * kPageBytes;
}

bool AllZero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0; });
}

std::string Head(std::string_view manifest, std::string_view signatures,
                 uint64_t payload_bytes) {
  const uint64_t payload_at =
      PageEnd(kHeaderBytes + manifest.size() + signatures.size());
  std::string head(kMagic);
  AppendLittle<uint32_t>(kBundleFormatVersion, &head);
  AppendLittle<uint32_t>(static_cast<uint32_t>(manifest.size()), &head);
  AppendLittle<uint32_t>(static_cast<uint32_t>(signatures.size()), &head);
  AppendLittle<uint32_t>(0, &head);
  AppendLittle<uint64_t>(payload_at + payload_bytes, &head);
  head.append(manifest);
  head.append(signatures);
  head.resize(payload_at, '\0');
  return head;
}

}  // namespace

std::string SerialiseExactly(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

absl::Status BundleFile::Malformed(std::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": is not a usable rule bundle: ",
                   absl::string_view(what.data(), what.size()),
                   ": fetch or build it again"));
}

absl::StatusOr<std::unique_ptr<const BundleFile>> BundleFile::Open(
    const std::string& path) {
  auto mapped = MappedFile::Open(path);
  if (!mapped.ok()) return mapped.status();
  std::unique_ptr<BundleFile> bundle(new BundleFile);
  bundle->path_ = path;
  bundle->mapped_ = *std::move(mapped);
  bundle->bytes_ = bundle->mapped_->bytes();
  if (auto status = bundle->Parse(); !status.ok()) return status;
  return bundle;
}

absl::StatusOr<std::unique_ptr<const BundleFile>> BundleFile::FromBytes(
    std::string bytes, const std::string& name) {
  std::unique_ptr<BundleFile> bundle(new BundleFile);
  bundle->path_ = name;
  bundle->owned_ = std::move(bytes);
  bundle->bytes_ = AsBytes(bundle->owned_);
  if (auto status = bundle->Parse(); !status.ok()) return status;
  return bundle;
}

absl::Status BundleFile::Parse() {
  if (bytes_.size() < kHeaderBytes || AsText(bytes_.first(8)) != kMagic) {
    return Malformed("it does not begin as one");
  }
  const auto version = LoadLittle<uint32_t>(&bytes_[8]);
  if (version != kBundleFormatVersion) {
    return Malformed(absl::StrCat("format version ", version,
                                  ", this program reads ",
                                  kBundleFormatVersion));
  }
  const uint64_t manifest = LoadLittle<uint32_t>(&bytes_[12]);
  const uint64_t signatures = LoadLittle<uint32_t>(&bytes_[16]);
  if (LoadLittle<uint32_t>(&bytes_[20]) != 0) {
    return Malformed("a reserved field is set");
  }
  if (LoadLittle<uint64_t>(&bytes_[24]) != bytes_.size()) {
    return Malformed("its length is not what it says");
  }
  if (manifest > kManifestLimit || signatures > kSignaturesLimit) {
    return Malformed("its head is too large");
  }
  const uint64_t end = kHeaderBytes + manifest + signatures;
  if (PageEnd(end) > bytes_.size()) return Malformed("its head is cut off");
  if (!AllZero(bytes_.subspan(end, PageEnd(end) - end))) {
    return Malformed("something is hidden after its head");
  }
  manifest_bytes_ = bytes_.subspan(kHeaderBytes, manifest);
  const auto signed_by = bytes_.subspan(kHeaderBytes + manifest, signatures);
  payload_ = bytes_.subspan(PageEnd(end));
  if (!manifest_.ParseFromArray(manifest_bytes_.data(),
                                static_cast<int>(manifest))) {
    return Malformed("its manifest cannot be read");
  }
  if (!signatures_.ParseFromArray(signed_by.data(),
                                  static_cast<int>(signatures))) {
    return Malformed("its signatures cannot be read");
  }
  return CheckSections();
}

// Sections lie one after another, each from a page's start, with nothing but
// zeros between and nothing after the last.
absl::Status BundleFile::CheckSections() const {
  if (manifest_.sections_size() > kSectionLimit) {
    return Malformed("it has too many sections");
  }
  uint64_t at = 0;
  for (int i = 0; i < manifest_.sections_size(); ++i) {
    const auto& section = manifest_.sections(i);
    if (section.name().empty() || section.name().size() > kNameLimit ||
        section.hash().size() != kDigestBytes) {
      return Malformed("a section has no proper name or hash");
    }
    for (int j = 0; j < i; ++j) {
      if (manifest_.sections(j).name() == section.name()) {
        return Malformed(
            absl::StrCat("it has two sections named ", section.name()));
      }
    }
    if (section.offset() != PageEnd(at) || section.offset() > payload_.size() ||
        section.size() > payload_.size() - section.offset()) {
      return Malformed(
          absl::StrCat("section ", section.name(), " is out of place"));
    }
    if (!AllZero(payload_.subspan(at, section.offset() - at))) {
      return Malformed(
          absl::StrCat("something is hidden before section ", section.name()));
    }
    at = section.offset() + section.size();
  }
  if (at != payload_.size()) {
    return Malformed("something is hidden after its last section");
  }
  return absl::OkStatus();
}

std::optional<std::span<const uint8_t>> BundleFile::Section(
    std::string_view name) const {
  for (const auto& section : manifest_.sections()) {
    if (section.name() == name) {
      return payload_.subspan(section.offset(), section.size());
    }
  }
  return std::nullopt;
}

void BundleFile::Forget(std::span<const uint8_t> bytes) const {
  if (mapped_ != nullptr) mapped_->Forget(bytes);
}

absl::Status BundleFile::VerifySection(std::string_view name) const {
  for (const auto& section : manifest_.sections()) {
    if (section.name() != name) continue;
    if (Digest(payload_.subspan(section.offset(), section.size())) ==
        section.hash()) {
      return absl::OkStatus();
    }
    return absl::DataLossError(
        absl::StrCat(path_, ": section ", section.name(),
                     " is not what the manifest says: the file is damaged or "
                     "was changed: fetch it again"));
  }
  return Malformed(absl::StrCat("it has no section ",
                                absl::string_view(name.data(), name.size())));
}

absl::Status BundleFile::VerifySections() const {
  for (const auto& section : manifest_.sections()) {
    if (auto status = VerifySection(section.name()); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

std::string LayOutManifest(v1::BundleManifest manifest,
                           const std::vector<SectionBytes>& sections) {
  manifest.clear_sections();
  uint64_t at = 0;
  for (const SectionBytes& bytes : sections) {
    auto* section = manifest.add_sections();
    section->set_name(bytes.name);
    section->set_offset(PageEnd(at));
    section->set_size(bytes.bytes.size());
    section->set_hash(Digest(bytes.bytes));
    at = section->offset() + section->size();
  }
  return SerialiseExactly(manifest);
}

absl::Status WriteBundle(const std::string& path,
                         const v1::BundleManifest& manifest,
                         const v1::BundleSignatures& signatures,
                         const std::vector<SectionBytes>& sections) {
  auto writer = BundleWriter::Create(path, LayOutManifest(manifest, sections),
                                     signatures);
  if (!writer.ok()) return writer.status();
  for (const SectionBytes& section : sections) {
    if (auto status = (*writer)->Append(section.bytes); !status.ok()) {
      return status;
    }
    if (auto status = (*writer)->EndSection(); !status.ok()) return status;
  }
  return (*writer)->Commit();
}

absl::Status ReplaceSignatures(const std::string& path,
                               const v1::BundleSignatures& signatures) {
  auto bundle = BundleFile::Open(path);
  if (!bundle.ok()) return bundle.status();
  auto writer = BundleWriter::Create(
      path, std::string(AsText((*bundle)->manifest_bytes())), signatures);
  if (!writer.ok()) return writer.status();
  for (const auto& section : (*bundle)->manifest().sections()) {
    const auto bytes = (*bundle)->Section(section.name());
    if (auto status = (*writer)->Append(*bytes); !status.ok()) return status;
    if (auto status = (*writer)->EndSection(); !status.ok()) return status;
  }
  return (*writer)->Commit();
}

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Create(
    const std::string& path, std::string manifest_bytes,
    const v1::BundleSignatures& signatures) {
  std::unique_ptr<BundleWriter> writer(new BundleWriter);
  const std::string signature_bytes = SerialiseExactly(signatures);
  if (manifest_bytes.size() > kManifestLimit ||
      signature_bytes.size() > kSignaturesLimit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path,
                     ": cannot be written: the manifest or the "
                     "signatures are too large: remove some"));
  }
  if (!writer->manifest_.ParseFromString(manifest_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": cannot be written: the manifest cannot be read: "
                     "fetch it again"));
  }
  uint64_t payload = 0;
  for (const auto& section : writer->manifest_.sections()) {
    if (section.offset() != PageEnd(payload) ||
        section.size() > (uint64_t{1} << 40)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": cannot be written: section ", section.name(),
                       " is out of place: fetch the manifest again"));
    }
    payload = section.offset() + section.size();
  }
  auto file = NewFile::Create(path);
  if (!file.ok()) return file.status();
  writer->file_ = *std::move(file);
  if (auto status =
          writer->file_->Append(Head(manifest_bytes, signature_bytes, payload));
      !status.ok()) {
    return status;
  }
  writer->digest_ = std::make_unique<DigestStream>();
  return writer;
}

absl::Status BundleWriter::Append(std::span<const uint8_t> bytes) {
  SG_CHECK(due_ < manifest_.sections_size());
  const auto& section = manifest_.sections(due_);
  if (bytes.size() > section.size() - written_) {
    return absl::OutOfRangeError(
        absl::StrCat("section ", section.name(),
                     ": is larger than the manifest says: "
                     "fetch the whole bundle"));
  }
  if (written_ == 0) {
    if (auto status = Pad(); !status.ok()) return status;
  }
  written_ += bytes.size();
  payload_ += bytes.size();
  digest_->Update(bytes);
  return file_->Append(bytes);
}

absl::Status BundleWriter::Pad() {
  const std::string zeros(PageEnd(payload_) - payload_, '\0');
  payload_ += zeros.size();
  return file_->Append(zeros);
}

absl::Status BundleWriter::EndSection() {
  SG_CHECK(due_ < manifest_.sections_size());
  const auto& section = manifest_.sections(due_);
  if (section.size() == 0) {
    if (auto status = Pad(); !status.ok()) return status;
  }
  if (written_ != section.size() || digest_->Finish() != section.hash()) {
    return absl::DataLossError(absl::StrCat("section ", section.name(),
                                            ": is not what the manifest says: "
                                            "fetch the whole bundle"));
  }
  ++due_;
  written_ = 0;
  digest_ = std::make_unique<DigestStream>();
  return absl::OkStatus();
}

absl::Status BundleWriter::Commit() {
  if (due_ != manifest_.sections_size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("section ", manifest_.sections(due_).name(),
                     ": is missing: fetch the whole bundle"));
  }
  return file_->Commit();
}

}  // namespace schoolgate::rules
