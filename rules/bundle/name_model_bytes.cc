// NameModel as bytes: section "model".
#include "rules/bundle/little_endian.h"
#include "rules/bundle/name_model.h"
#include "rules/bundle/section_reader.h"

namespace schoolgate::rules {
namespace {

absl::Status Malformed() {
  return absl::InvalidArgumentError("section model: is not well-formed");
}

}  // namespace

std::string NameModel::Serialise() const {
  std::string bytes;
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts_.bucket_bits), &bytes);
  AppendLittle<uint64_t>(parts_.key, &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts_.roots.size()), &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts_.cluster_lengths.size()),
                         &bytes);
  AppendLittle<uint32_t>(static_cast<uint32_t>(parts_.set_lengths.size()),
                         &bytes);
  for (size_t i = 2; i < parts_.roots.size(); ++i) {
    bytes.push_back(static_cast<char>(parts_.roots[i].size()));
    bytes += parts_.roots[i];
  }
  bytes.append(parts_.root_lengths.begin(), parts_.root_lengths.end());
  if (parts_.cluster_lengths.size() > 1) {
    for (const uint16_t cluster : parts_.cluster_of) {
      AppendLittle<uint16_t>(cluster, &bytes);
    }
  }
  for (const auto& lengths : parts_.cluster_lengths) {
    for (size_t i = 0; i < kNameSymbols; i += 2) {
      bytes.push_back(static_cast<char>(lengths[i] << 4 | lengths[i + 1]));
    }
  }
  bytes.append(parts_.set_lengths.begin(), parts_.set_lengths.end());
  return bytes;
}

absl::StatusOr<std::unique_ptr<const NameModel>> NameModel::Parse(
    std::span<const uint8_t> section) {
  SectionReader reader(section);
  ModelParts parts;
  const auto bucket_bits = reader.Number<uint32_t>();
  parts.key = reader.Number<uint64_t>();
  const auto roots = reader.Number<uint32_t>();
  const auto clusters = reader.Number<uint32_t>();
  const auto sets = reader.Number<uint32_t>();
  if (bucket_bits > kBucketBitsLimit || roots < 2 || roots > kRootLimit ||
      clusters > kClusterLimit || sets > 1 << kSetWordLimit) {
    return Malformed();
  }
  parts.bucket_bits = static_cast<int>(bucket_bits);
  parts.roots.reserve(roots);
  parts.roots = {"", ":"};
  for (uint32_t i = 2; i < roots && !reader.cut_short(); ++i) {
    parts.roots.emplace_back(AsText(reader.Take(reader.Number<uint8_t>())));
  }
  const auto lengths = reader.Take(roots);
  parts.root_lengths.assign(lengths.begin(), lengths.end());
  parts.cluster_of.assign(kContexts, 0);
  if (clusters > 1) {
    const auto numbers = reader.Take(sizeof(uint16_t) * kContexts);
    for (size_t i = 0; i < numbers.size() / sizeof(uint16_t); ++i) {
      parts.cluster_of[i] = LoadLittle<uint16_t>(&numbers[2 * i]);
    }
  }
  parts.cluster_lengths.resize(clusters);
  for (auto& cluster : parts.cluster_lengths) {
    const auto packed = reader.Take(kNameSymbols / 2);
    for (size_t i = 0; i < packed.size(); ++i) {
      cluster[2 * i] = packed[i] >> 4;
      cluster[2 * i + 1] = packed[i] & 15;
    }
  }
  const auto set_lengths = reader.Take(sets);
  parts.set_lengths.assign(set_lengths.begin(), set_lengths.end());
  if (!reader.at_end()) return Malformed();
  return Make(std::move(parts));
}

}  // namespace schoolgate::rules
