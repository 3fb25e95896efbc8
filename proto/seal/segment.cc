#include "proto/seal/segment.h"

#include <sodium.h>

#include <algorithm>

#include "platform/check.h"
#include "proto/seal/crc32c.h"
#include "proto/seal/little_endian.h"
#include "proto/seal/record.h"

namespace schoolgate::seal {
namespace {

constexpr std::string_view kMagic = "SGSPOOL1";
constexpr std::string_view kPurpose = "schoolgate segment header 1";
constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kDigestBytes = 32;

// Offsets in the header; each field follows the one before.
constexpr size_t kLaneAt = 8;
constexpr size_t kEpochAt = 16;
constexpr size_t kFirstAt = 24;
constexpr size_t kPreviousEpochAt = 32;
constexpr size_t kPreviousSequenceAt = 40;
constexpr size_t kPreviousChainAt = 48;
constexpr size_t kDeviceAt = 80;
constexpr size_t kKeyIdAt = 112;
constexpr size_t kSealedKeyAt = 120;
constexpr size_t kSealedKeyBytes =
    crypto_box_SEALBYTES + kKeyBytes + kDigestBytes;
constexpr size_t kSignatureAt = kSealedKeyAt + kSealedKeyBytes;
constexpr size_t kReservedAt = kSignatureAt + kSignatureBytes;
constexpr size_t kCrcAt = kSegmentHeaderBytes - 4;
static_assert(kSignatureAt == 232 && kReservedAt == 296 && kCrcAt == 332);

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

std::string Digest(std::string_view first, std::string_view second = {}) {
  crypto_generichash_state state;
  std::string digest(kDigestBytes, '\0');
  crypto_generichash_init(&state, nullptr, 0, kDigestBytes);
  crypto_generichash_update(&state, Bytes(first), first.size());
  crypto_generichash_update(&state, Bytes(second), second.size());
  crypto_generichash_final(&state, Bytes(digest), kDigestBytes);
  return digest;
}

std::string Padded(std::string text, size_t size) {
  text.resize(size, '\0');
  return text;
}

bool KnownLane(int lane) {
  return lane >= v1::LANE_ROUTINE && lane <= v1::LANE_URGENT;
}

// The clear fields, offsets 0 to kSealedKeyAt.
std::string ClearFields(const SegmentHeader& header) {
  std::string bytes(kMagic);
  PutLittle<uint64_t>(bytes, static_cast<uint64_t>(header.lane));
  PutLittle<uint64_t>(bytes, header.epoch);
  PutLittle<uint64_t>(bytes, header.first_sequence);
  PutLittle<uint64_t>(bytes, header.previous_epoch);
  PutLittle<uint64_t>(bytes, header.previous_sequence);
  bytes += Padded(header.previous_chain, kChainBytes);
  bytes += Padded(header.device, kMaxDeviceIdBytes);
  bytes += Padded(header.key_id, kKeyIdBytes);
  SG_CHECK(bytes.size() == kSealedKeyAt);
  return bytes;
}

// What every record of the segment is bound to beside its own sequence.
std::string Associated(const SegmentHeader& header) {
  std::string bytes = Padded(header.device, kMaxDeviceIdBytes);
  PutLittle<uint64_t>(bytes, header.epoch);
  PutLittle<uint64_t>(bytes, static_cast<uint64_t>(header.lane));
  return bytes;
}

std::string WithSequence(std::string associated, uint64_t sequence) {
  PutLittle<uint64_t>(associated, sequence);
  return associated;
}

}  // namespace

std::string StartChain(std::string_view header_bytes) {
  return Digest(header_bytes);
}

std::string ExtendChain(std::string_view chain, std::string_view record) {
  return Digest(chain, record);
}

absl::StatusOr<SegmentHeader> ParseSegmentHeader(std::string_view bytes) {
  if (bytes.size() != kSegmentHeaderBytes ||
      bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError("segment header: not one of this format");
  }
  if (GetLittle<uint32_t>(bytes, kCrcAt) != Crc32c(bytes.substr(0, kCrcAt))) {
    return absl::InvalidArgumentError("segment header: damaged");
  }
  SegmentHeader header;
  const uint64_t lane = GetLittle<uint64_t>(bytes, kLaneAt);
  if (lane > v1::LANE_URGENT || !KnownLane(static_cast<int>(lane))) {
    return absl::InvalidArgumentError("segment header: unknown lane");
  }
  header.lane = static_cast<v1::Lane>(lane);
  header.epoch = GetLittle<uint64_t>(bytes, kEpochAt);
  header.first_sequence = GetLittle<uint64_t>(bytes, kFirstAt);
  header.previous_epoch = GetLittle<uint64_t>(bytes, kPreviousEpochAt);
  header.previous_sequence = GetLittle<uint64_t>(bytes, kPreviousSequenceAt);
  header.previous_chain = bytes.substr(kPreviousChainAt, kChainBytes);
  header.device = bytes.substr(kDeviceAt, kMaxDeviceIdBytes);
  const size_t end = header.device.find('\0');
  if (end != std::string::npos) {
    if (header.device.find_first_not_of('\0', end) != std::string::npos) {
      return absl::InvalidArgumentError("segment header: bad device");
    }
    header.device.resize(end);
  }
  header.key_id = bytes.substr(kKeyIdAt, kKeyIdBytes);
  return header;
}

absl::StatusOr<SegmentSealer> SegmentSealer::Make(
    SegmentHeader header, std::string_view collector_key,
    const SigningKey& device_key) {
  if (header.device.size() > kMaxDeviceIdBytes || header.device.empty() ||
      header.device.find('\0') != std::string::npos ||
      header.previous_chain.size() != kChainBytes || !KnownLane(header.lane)) {
    return absl::InvalidArgumentError("segment: bad device, chain or lane");
  }
  SegmentSealer sealer;
  header.key_id = KeyId(collector_key);
  sealer.associated_ = Associated(header);
  std::string bytes = ClearFields(header);
  randombytes_buf(sealer.key_.data(), sealer.key_.size());
  std::string secret(sealer.key_.begin(), sealer.key_.end());
  secret += Digest(bytes);
  auto sealed = SealTo(collector_key, secret);
  sodium_memzero(secret.data(), secret.size());
  if (!sealed.ok()) return sealed.status();
  bytes += *sealed;
  bytes += device_key.Sign(kPurpose, bytes);
  bytes.resize(kCrcAt, '\0');
  PutLittle<uint32_t>(bytes, Crc32c(bytes));
  sealer.header_bytes_ = std::move(bytes);
  return sealer;
}

SegmentSealer::~SegmentSealer() { sodium_memzero(key_.data(), key_.size()); }

SegmentSealer::SegmentSealer(SegmentSealer&& other) noexcept
    : header_bytes_(std::move(other.header_bytes_)),
      associated_(std::move(other.associated_)),
      key_(other.key_) {
  sodium_memzero(other.key_.data(), other.key_.size());
}

absl::StatusOr<std::string> SegmentSealer::Seal(
    uint64_t sequence, std::string_view plaintext) const {
  if (plaintext.size() > kMaxPlaintextBytes) {
    return absl::InvalidArgumentError("record: longer than 64 KiB");
  }
  const std::string associated = WithSequence(associated_, sequence);
  std::string body(kNonceBytes + plaintext.size() + kTagBytes, '\0');
  randombytes_buf(body.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      Bytes(body) + kNonceBytes, nullptr, Bytes(plaintext), plaintext.size(),
      Bytes(associated), associated.size(), nullptr, Bytes(body), key_.data());
  std::string record;
  record.reserve(kFrameHeadBytes + body.size());
  AppendFrame(record, sequence, body);
  return record;
}

absl::StatusOr<SegmentOpener> SegmentOpener::Open(
    std::string_view header_bytes, std::string_view device,
    std::string_view device_key, std::span<const BoxKey* const> keys) {
  auto header = ParseSegmentHeader(header_bytes);
  if (!header.ok()) return header.status();
  if (header->device != device) {
    return absl::PermissionDeniedError("segment header: of another device");
  }
  if (!VerifySignature(device_key, kPurpose,
                       header_bytes.substr(0, kSignatureAt),
                       header_bytes.substr(kSignatureAt, kSignatureBytes))) {
    return absl::PermissionDeniedError(
        "segment header: not signed by this device's key");
  }
  const auto key = std::find_if(keys.begin(), keys.end(), [&](auto* k) {
    return KeyId(k->public_key()) == header->key_id;
  });
  if (key == keys.end()) {
    return absl::NotFoundError("segment header: sealed to an unknown key");
  }
  auto secret =
      OpenBox(**key, header_bytes.substr(kSealedKeyAt, kSealedKeyBytes));
  if (!secret.ok()) return secret.status();
  if (secret->size() != kKeyBytes + kDigestBytes ||
      secret->substr(kKeyBytes) !=
          Digest(header_bytes.substr(0, kSealedKeyAt))) {
    return absl::PermissionDeniedError(
        "segment header: its key was sealed for another segment");
  }
  SegmentOpener opener;
  std::copy_n(secret->begin(), kKeyBytes, opener.key_.begin());
  sodium_memzero(secret->data(), secret->size());
  opener.associated_ = Associated(*header);
  opener.header_ = *std::move(header);
  return opener;
}

SegmentOpener::~SegmentOpener() { sodium_memzero(key_.data(), key_.size()); }

absl::StatusOr<std::string> SegmentOpener::OpenRecord(
    uint64_t sequence, std::string_view record) const {
  Frame frame;
  if (ParseFrame(record, &frame) != FrameError::kNone ||
      frame.total_bytes != record.size() ||
      frame.body.size() < kNonceBytes + kTagBytes) {
    return absl::DataLossError("record: damaged frame");
  }
  if (frame.sequence != sequence || sequence < header_.first_sequence) {
    return absl::PermissionDeniedError("record: out of its sequence");
  }
  const std::string associated = WithSequence(associated_, sequence);
  std::string plaintext(frame.body.size() - kNonceBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(plaintext), nullptr, nullptr, Bytes(frame.body) + kNonceBytes,
          frame.body.size() - kNonceBytes, Bytes(associated), associated.size(),
          Bytes(frame.body), key_.data()) != 0) {
    return absl::PermissionDeniedError(
        "record: not sealed as this sequence of this segment");
  }
  return plaintext;
}

}  // namespace schoolgate::seal
