// QUIC Initials from RFC 9001 and RFC 9369, written from the RFCs for the
// tests alone: an error shared with the agent's own code would hide itself.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "platform/check.h"
#include "tests/recall/traffic.h"

namespace schoolgate::traffic {
namespace {

Buffer FromHex(std::string_view hex) {
  Buffer out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(
        std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

bool IsSecond(uint32_t version) {
  return version == 0x6b3343cf || version == 0x709a50c4;
}

Buffer Salt(uint32_t version) {
  switch (version) {
    case 0x6b3343cf:
      return FromHex("0dede3def700a6db819381be6e269dcbf9bd2ed9");
    case 0x709a50c4:  // drafts of version 2
      return FromHex("a707c203a59b47184a1d62ca570406ea7ae3e5d3");
    case 0xff000016:  // draft 22
      return FromHex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a");
    case 0xff000017:  // drafts 23 to 28
    case 0xff000018:
    case 0xff000019:
    case 0xff00001a:
    case 0xff00001b:
    case 0xff00001c:
      return FromHex("c3eef712c72ebb5a11a7d2432bb46365bef9f502");
    case 0xff00001d:  // drafts 29 to 32
    case 0xff00001e:
    case 0xff00001f:
    case 0xff000020:
      return FromHex("afbfec289993d24c9e9786f19c6111e04390a899");
    case 0x51303530:  // Google's Q050
      return FromHex("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45");
    default:
      return FromHex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
  }
}

Buffer Hmac(const Buffer& key, const Buffer& message) {
  Buffer out(32);
  SG_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                message.data(), message.size(), out.data(),
                nullptr) != nullptr);
  return out;
}

Buffer Expand(const Buffer& secret, std::string_view label, size_t length) {
  const std::string whole = "tls13 " + std::string(label);
  const Buffer info = Writer()
                          .U16(static_cast<unsigned>(length))
                          .U8(static_cast<unsigned>(whole.size()))
                          .Put(whole)
                          .U8(0)
                          .U8(1)
                          .bytes();
  Buffer out = Hmac(secret, info);
  out.resize(length);
  return out;
}

std::array<uint8_t, 16> Mask(const Buffer& key, const uint8_t* sample) {
  std::array<uint8_t, 32> out{};
  int length = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  SG_CHECK(EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, key.data(),
                              nullptr) == 1 &&
           EVP_EncryptUpdate(context, out.data(), &length, sample, 16) == 1);
  EVP_CIPHER_CTX_free(context);
  std::array<uint8_t, 16> mask;
  std::copy_n(out.begin(), 16, mask.begin());
  return mask;
}

Buffer Seal(const Buffer& key, const Buffer& nonce, const Buffer& header,
            const Buffer& plain) {
  Buffer out(plain.size() + 16);
  int length = 0;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  SG_CHECK(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(),
                              nonce.data()) == 1 &&
           EVP_EncryptUpdate(context, nullptr, &length, header.data(),
                             static_cast<int>(header.size())) == 1 &&
           EVP_EncryptUpdate(context, out.data(), &length, plain.data(),
                             static_cast<int>(plain.size())) == 1 &&
           EVP_EncryptFinal_ex(context, out.data() + length, &length) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16,
                               out.data() + plain.size()) == 1);
  EVP_CIPHER_CTX_free(context);
  return out;
}

Writer& Varint(Writer& out, size_t value) {
  if (value < 64) return out.U8(static_cast<unsigned>(value));
  return value < 16384 ? out.U16(0x4000 | static_cast<unsigned>(value))
                       : out.U32(0x80000000 | static_cast<uint32_t>(value));
}

}  // namespace

Buffer CryptoFrame(size_t offset, Bytes part) {
  Writer frame;
  frame.U8(6);
  Varint(frame, offset);
  return Varint(frame, part.size()).Put(part).bytes();
}

Buffer Initial(const InitialOptions& options, Bytes frames) {
  constexpr size_t kTagBytes = 16;
  const size_t number_bytes = options.number_bytes;
  const bool second = IsSecond(options.version);
  const std::string label = second ? "quicv2 " : "quic ";
  const Buffer& key_id =
      options.key_id.empty() ? options.destination : options.key_id;
  const Buffer client =
      Expand(Hmac(Salt(options.version), key_id), "client in", 32);
  const Buffer key = Expand(client, label + "key", 16);
  Buffer nonce = Expand(client, label + "iv", 12);
  const Buffer header_key = Expand(client, label + "hp", 16);

  Writer head;
  const unsigned first = (second ? 0x90u : 0x80u) |
                         (options.fixed_bit ? 0x40u : 0u) |
                         static_cast<unsigned>(number_bytes - 1);
  head.U8(first).U32(options.version);
  head.U8(static_cast<unsigned>(options.destination.size()));
  head.Put(options.destination);
  head.U8(static_cast<unsigned>(options.source.size())).Put(options.source);
  Varint(head, options.token.size()).Put(options.token);
  Buffer plain(frames.begin(), frames.end());
  const size_t around = head.bytes().size() + 2 + number_bytes + kTagBytes;
  if (plain.size() + around < options.pad_to) {
    plain.resize(options.pad_to - around);
  }
  const size_t length = number_bytes + plain.size() + kTagBytes;
  head.U16(0x4000 | static_cast<unsigned>(length));
  const size_t number_at = head.bytes().size();
  for (size_t i = number_bytes; i > 0; --i) {
    head.U8(options.number >> (8 * (i - 1)) & 0xff);
  }
  for (size_t i = 0; i < 4; ++i) {
    nonce[8 + i] ^= static_cast<uint8_t>(options.number >> (24 - 8 * i));
  }
  Buffer packet = head.bytes() + Seal(key, nonce, head.bytes(), plain);
  const auto mask = Mask(header_key, packet.data() + number_at + 4);
  packet[0] ^= mask[0] & 0x0f;
  for (size_t i = 0; i < number_bytes; ++i) {
    packet[number_at + i] ^= mask[i + 1];
  }
  return packet;
}

}  // namespace schoolgate::traffic
