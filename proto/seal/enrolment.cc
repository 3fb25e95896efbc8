#include "proto/seal/enrolment.h"

#include <initializer_list>
#include <string>

#include "proto/seal/little_endian.h"

namespace schoolgate::seal {
namespace {

constexpr std::string_view kEnrolPurpose = "schoolgate enrol 1";
constexpr std::string_view kRenewPurpose = "schoolgate renew 1";
constexpr std::string_view kEndPurpose = "schoolgate decommission 1";
constexpr std::string_view kReceiptPurpose = "schoolgate receipt 1";
constexpr std::string_view kRemovalPurpose = "schoolgate removal 1";
constexpr std::string_view kRemovalPrefix = "SGR1.";

// Each field behind its length, so that no two requests give the same bytes.
std::string Canonical(std::initializer_list<std::string_view> fields) {
  std::string bytes;
  for (std::string_view field : fields) {
    PutLittle<uint64_t>(bytes, field.size());
    bytes += field;
  }
  return bytes;
}

std::string SignedBytes(const v1::EnrolRequest& request) {
  return Canonical({request.token(), request.csr_pem(), request.signing_key(),
                    request.hostname(), request.hardware_id(),
                    request.inventory_number(), request.agent_version()});
}

std::string SignedBytes(const v1::RenewRequest& request) {
  return Canonical({request.device(), request.csr_pem(),
                    std::to_string(request.time_unix_us()), request.nonce()});
}

std::string SignedBytes(const v1::DecommissionRequest& request) {
  return Canonical({request.device(), request.token(),
                    request.final() ? "final" : "may I",
                    std::to_string(request.time_unix_us()), request.nonce()});
}

std::string SignedBytes(const v1::DecommissionReceipt& receipt) {
  return Canonical({receipt.device(), receipt.school(),
                    receipt.final() ? "final" : "may",
                    std::to_string(receipt.server_time_unix_us())});
}

}  // namespace

void SignEnrol(const SigningKey& device_key, v1::EnrolRequest* request) {
  request->set_signing_key(device_key.public_key());
  request->set_signature(device_key.Sign(kEnrolPurpose, SignedBytes(*request)));
}

bool VerifyEnrol(const v1::EnrolRequest& request) {
  return VerifySignature(request.signing_key(), kEnrolPurpose,
                         SignedBytes(request), request.signature());
}

void SignRenew(const SigningKey& device_key, v1::RenewRequest* request) {
  request->set_signature(device_key.Sign(kRenewPurpose, SignedBytes(*request)));
}

bool VerifyRenew(const v1::RenewRequest& request,
                 std::string_view device_public_key) {
  return VerifySignature(device_public_key, kRenewPurpose, SignedBytes(request),
                         request.signature());
}

void SignDecommission(const SigningKey& device_key,
                      v1::DecommissionRequest* request) {
  request->set_signature(device_key.Sign(kEndPurpose, SignedBytes(*request)));
}

bool VerifyDecommission(const v1::DecommissionRequest& request,
                        std::string_view device_public_key) {
  return VerifySignature(device_public_key, kEndPurpose, SignedBytes(request),
                         request.signature());
}

void SignReceipt(const SigningKey& collector_key,
                 v1::DecommissionReceipt* receipt) {
  receipt->set_signature(
      collector_key.Sign(kReceiptPurpose, SignedBytes(*receipt)));
}

bool VerifyReceipt(const v1::DecommissionReceipt& receipt,
                   std::string_view collector_public_key) {
  return VerifySignature(collector_public_key, kReceiptPurpose,
                         SignedBytes(receipt), receipt.signature());
}

std::string MakeRemovalToken(const SigningKey& collector_key,
                             std::string_view device, int64_t expires_unix) {
  std::string token(kRemovalPrefix);
  token += device;
  token += '.';
  token += std::to_string(expires_unix);
  const std::string signature = collector_key.Sign(kRemovalPurpose, token);
  return token + '.' + ToHex(signature);
}

bool VerifyRemovalToken(std::string_view token,
                        std::string_view collector_public_key,
                        std::string_view device, int64_t now_unix) {
  const size_t dot = token.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view said = token.substr(0, dot);
  const auto signature = FromHex(token.substr(dot + 1));
  if (!signature.ok() || !VerifySignature(collector_public_key, kRemovalPurpose,
                                          said, *signature)) {
    return false;
  }
  // Signed by us, so it has the form that we give it.
  std::string prefix(kRemovalPrefix);
  prefix += device;
  prefix += '.';
  if (!said.starts_with(prefix)) return false;
  int64_t expires = 0;
  for (const char digit : said.substr(prefix.size())) {
    expires = expires * 10 + (digit - '0');
  }
  return now_unix < expires;
}

}  // namespace schoolgate::seal
