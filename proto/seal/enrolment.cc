#include "proto/seal/enrolment.h"

#include <initializer_list>
#include <string>

#include "proto/seal/little_endian.h"

namespace schoolgate::seal {
namespace {

constexpr std::string_view kEnrolPurpose = "schoolgate enrol 1";
constexpr std::string_view kRenewPurpose = "schoolgate renew 1";

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

}  // namespace schoolgate::seal
