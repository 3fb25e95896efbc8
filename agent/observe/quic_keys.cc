// The key schedule and packet protection of QUIC Initials (RFC 9001, 5).
#include <openssl/evp.h>

#include <cstring>
#include <new>
#include <string_view>

#include "agent/observe/quic_initial.h"
#include "platform/check.h"

namespace schoolgate::agent {

struct QuicProfile {
  std::array<uint8_t, 20> salt;
  std::string_view key_label;
  std::string_view iv_label;
  std::string_view header_label;
};

namespace {

constexpr size_t kHashBytes = 32;
constexpr size_t kBlockBytes = 64;
constexpr size_t kTagBytes = 16;
constexpr size_t kSampleBytes = 16;

using Hash = std::array<uint8_t, kHashBytes>;

constexpr QuicProfile kDraft22 = {
    {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
     0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kDraft23 = {
    {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
     0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kDraft29 = {
    {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
     0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kVersion1 = {
    {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kVersion2Drafts = {
    {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
     0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3},
    "quicv2 key",
    "quicv2 iv",
    "quicv2 hp"};
constexpr QuicProfile kVersion2 = {
    {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
    "quicv2 key",
    "quicv2 iv",
    "quicv2 hp"};
constexpr QuicProfile kGoogleQ050 = {
    {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
     0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kGoogleT050 = {
    {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
     0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10},
    "quic key",
    "quic iv",
    "quic hp"};
constexpr QuicProfile kGoogleT051 = {
    {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
     0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d},
    "quic key",
    "quic iv",
    "quic hp"};

constexpr const QuicProfile* kOf22[] = {&kDraft22};
constexpr const QuicProfile* kOf23[] = {&kDraft23};
constexpr const QuicProfile* kOf29[] = {&kDraft29};
constexpr const QuicProfile* kOf1[] = {&kVersion1};
constexpr const QuicProfile* kOf2[] = {&kVersion2};
constexpr const QuicProfile* kOf2Drafts[] = {&kVersion2Drafts};
constexpr const QuicProfile* kOfQ050[] = {&kGoogleQ050};
constexpr const QuicProfile* kOfT050[] = {&kGoogleT050};
constexpr const QuicProfile* kOfT051[] = {&kGoogleT051};
constexpr const QuicProfile* kOfForced[] = {&kVersion1, &kDraft29};
constexpr const QuicProfile* kOfMvfst[] = {&kDraft22, &kDraft23, &kDraft29,
                                           &kVersion1};

}  // namespace

std::span<const QuicProfile* const> ProfilesFor(uint32_t version) {
  if (version == 1) return kOf1;
  if (version == 0x6b3343cf) return kOf2;
  if (version == 0x709a50c4 || version == 0xff020000) return kOf2Drafts;
  if (version == 0x51303530) return kOfQ050;
  if (version == 0x54303530) return kOfT050;
  if (version == 0x54303531) return kOfT051;
  if (version >> 12 == 0xfaceb) return kOfMvfst;
  if ((version & 0x0f0f0f0f) == 0x0a0a0a0a) return kOfForced;
  if (version >> 8 == 0xff0000) {
    const uint32_t draft = version & 0xff;
    if (draft >= 33) return kOf1;
    if (draft >= 29) return kOf29;
    if (draft >= 23) return kOf23;
    if (draft == 22) return kOf22;
  }
  return {};
}

struct QuicOpener::Contexts {
  EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_CIPHER* gcm = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER* ecb = EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr);
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  EVP_CIPHER_CTX* aead = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* mask = EVP_CIPHER_CTX_new();

  Contexts() {
    SG_CHECK(sha256 && gcm && ecb && digest && aead && mask);
    SG_CHECK(EVP_DecryptInit_ex(aead, gcm, nullptr, nullptr, nullptr) == 1);
    SG_CHECK(EVP_EncryptInit_ex(mask, ecb, nullptr, nullptr, nullptr) == 1);
  }
  ~Contexts() {
    EVP_CIPHER_CTX_free(mask);
    EVP_CIPHER_CTX_free(aead);
    EVP_MD_CTX_free(digest);
    EVP_CIPHER_free(ecb);
    EVP_CIPHER_free(gcm);
    EVP_MD_free(sha256);
  }

  Hash Sha256(Bytes one, Bytes two) {
    Hash out;
    if (EVP_DigestInit_ex(digest, sha256, nullptr) != 1 ||
        EVP_DigestUpdate(digest, one.data(), one.size()) != 1 ||
        EVP_DigestUpdate(digest, two.data(), two.size()) != 1 ||
        EVP_DigestFinal_ex(digest, out.data(), nullptr) != 1) {
      throw std::bad_alloc();
    }
    return out;
  }

  // `key` is at most a block long.
  Hash Hmac(Bytes key, Bytes message) {
    std::array<uint8_t, kBlockBytes> inner{};
    std::array<uint8_t, kBlockBytes> outer{};
    if (!key.empty()) {
      std::memcpy(inner.data(), key.data(), key.size());
      std::memcpy(outer.data(), key.data(), key.size());
    }
    for (uint8_t& byte : inner) byte ^= 0x36;
    for (uint8_t& byte : outer) byte ^= 0x5c;
    return Sha256(outer, Sha256(inner, message));
  }

  // HKDF-Expand-Label with an empty context, one block at most.
  void Expand(Bytes secret, std::string_view label, std::span<uint8_t> out) {
    std::array<uint8_t, 64> info{};
    size_t length = 0;
    const auto put = [&](std::string_view text) {
      std::memcpy(info.data() + length, text.data(), text.size());
      length += text.size();
    };
    info[length++] = 0;
    info[length++] = static_cast<uint8_t>(out.size());
    info[length++] = static_cast<uint8_t>(6 + label.size());
    put("tls13 ");
    put(label);
    info[length++] = 0;
    info[length++] = 1;  // first block
    const Hash block = Hmac(secret, Bytes(info).first(length));
    std::memcpy(out.data(), block.data(), out.size());
  }
};

QuicOpener::QuicOpener() : contexts_(std::make_unique<Contexts>()) {}
QuicOpener::~QuicOpener() = default;

QuicKeys QuicOpener::ClientKeys(const QuicProfile& profile,
                                Bytes connection_id) {
  QuicKeys keys;
  const Hash initial = contexts_->Hmac(profile.salt, connection_id);
  Hash client;
  contexts_->Expand(initial, "client in", client);
  contexts_->Expand(client, profile.key_label, keys.key);
  contexts_->Expand(client, profile.iv_label, keys.iv);
  contexts_->Expand(client, profile.header_label, keys.header);
  return keys;
}

Bytes QuicOpener::Open(const QuicKeys& keys, const QuicPacket& packet) {
  const size_t at = packet.number_offset;
  const size_t size = packet.bytes.size();
  if (size < at + 4 + kSampleBytes) return {};

  std::array<uint8_t, kSampleBytes> mask;
  int length = 0;
  EVP_CIPHER_CTX* ecb = contexts_->mask;
  if (EVP_EncryptInit_ex(ecb, nullptr, nullptr, keys.header.data(), nullptr) !=
          1 ||
      EVP_EncryptUpdate(ecb, mask.data(), &length, packet.bytes.data() + at + 4,
                        kSampleBytes) != 1) {
    return {};
  }
  plain_.assign(packet.bytes.begin(), packet.bytes.end());
  plain_[0] ^= mask[0] & 0x0f;
  const size_t number_bytes = (plain_[0] & 3) + size_t{1};
  const size_t header = at + number_bytes;
  if (size < header + kTagBytes) return {};
  std::array<uint8_t, 12> nonce = keys.iv;
  for (size_t i = 0; i < number_bytes; ++i) {
    plain_[at + i] ^= mask[i + 1];
    nonce[12 - number_bytes + i] ^= plain_[at + i];
  }

  const int sealed = static_cast<int>(size - header - kTagBytes);
  EVP_CIPHER_CTX* gcm = contexts_->aead;
  uint8_t* body = plain_.data() + header;
  if (EVP_DecryptInit_ex(gcm, nullptr, nullptr, keys.key.data(),
                         nonce.data()) != 1 ||
      EVP_DecryptUpdate(gcm, nullptr, &length, plain_.data(),
                        static_cast<int>(header)) != 1 ||
      EVP_DecryptUpdate(gcm, body, &length, body, sealed) != 1 ||
      EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                          body + sealed) != 1 ||
      EVP_DecryptFinal_ex(gcm, body + sealed, &length) != 1) {
    return {};
  }
  return {body, static_cast<size_t>(sealed)};
}

}  // namespace schoolgate::agent
