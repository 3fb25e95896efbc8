#include "rules/bundle/delta_file.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "rules/bundle/bundle_file.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kMagic("SGDELTA1", 8);
constexpr size_t kHeaderBytes = 8 + 8 + 8 + kDigestBytes;
// A device holds an unpacked delta in memory: what is larger is no difference
// any more and is fetched as a whole bundle.
constexpr uint64_t kPackedLimit = 32 << 20;
constexpr uint64_t kUnpackedLimit = 64 << 20;
constexpr int kLevel = 19;

}  // namespace

absl::StatusOr<uint64_t> WriteDeltaFile(const std::string& path,
                                        const v1::BundleDelta& delta) {
  const std::string plain = SerialiseExactly(delta);
  if (plain.size() > kUnpackedLimit) {
    return absl::ResourceExhaustedError(
        path + ": cannot be written: too much differs: send the whole bundle");
  }
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), plain.data(),
                                    plain.size(), kLevel);
  if (ZSTD_isError(size)) {
    return absl::InternalError(
        absl::StrCat(path, ": cannot be packed: ", ZSTD_getErrorName(size)));
  }
  packed.resize(size);
  std::string head(kMagic);
  AppendLittle<uint64_t>(packed.size(), &head);
  AppendLittle<uint64_t>(plain.size(), &head);
  head += Digest(AsBytes(packed));
  auto file = NewFile::Create(path);
  if (!file.ok()) return file.status();
  for (const std::string* part : {&head, &packed}) {
    if (auto status = (*file)->Append(*part); !status.ok()) return status;
  }
  if (auto status = (*file)->Commit(); !status.ok()) return status;
  return head.size() + packed.size();
}

absl::StatusOr<v1::BundleDelta> ReadDeltaFile(const std::string& path) {
  const auto bytes = ReadWholeFile(path, kPackedLimit);
  if (!bytes.ok()) return bytes.status();
  return ParseDelta(*bytes, path);
}

absl::StatusOr<v1::BundleDelta> ParseDelta(std::string_view bytes,
                                           const std::string& name) {
  const auto all = AsBytes(bytes);
  if (all.size() < kHeaderBytes || AsText(all.first(8)) != kMagic) {
    return absl::InvalidArgumentError(
        name + ": is not a delta: name the file that \"delta\" wrote");
  }
  const auto packed_size = LoadLittle<uint64_t>(&all[8]);
  const auto plain_size = LoadLittle<uint64_t>(&all[16]);
  const auto packed = all.subspan(kHeaderBytes);
  if (packed.size() != packed_size ||
      Digest(packed) != AsText(all.subspan(24, kDigestBytes))) {
    return absl::DataLossError(absl::StrCat(
        name, ": is damaged or not wholly fetched: go on fetching at byte ",
        all.size(), " or fetch it again"));
  }
  if (plain_size > kUnpackedLimit) {
    return absl::ResourceExhaustedError(
        name + ": unpacks to too much: fetch the whole bundle");
  }
  std::string plain(plain_size, '\0');
  const size_t size =
      ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
  v1::BundleDelta delta;
  if (ZSTD_isError(size) || size != plain_size ||
      !delta.ParseFromString(plain)) {
    return absl::DataLossError(name + ": cannot be unpacked: fetch it again");
  }
  return delta;
}

}  // namespace schoolgate::rules
