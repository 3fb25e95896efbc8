#include "agent/uplink/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>
#include <vector>

#include "proto/seal/enrolment.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kMaxCertificates = 16;
// How far a clock may run ahead of the last contact and still be believed
// when it says that the collector's certificate has ended.
constexpr absl::Duration kBelievedAhead = absl::Hours(24 * 7);

template <auto free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContext =
    std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

Bio ReadFrom(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

std::vector<X509Ptr> ParseCertificates(const std::string& pem) {
  std::vector<X509Ptr> certificates;
  Bio bio = ReadFrom(pem);
  while (certificates.size() < kMaxCertificates) {
    X509Ptr one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (one == nullptr) break;
    certificates.push_back(std::move(one));
  }
  return certificates;
}

std::string PemOf(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

std::string FingerprintOf(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return "";
  return seal::ToHex(
      std::string_view(reinterpret_cast<const char*>(digest), size));
}

absl::Time FromAsn1(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

// X509_V_OK or the error of checking the chain as of `when`.
int VerifyAt(const std::vector<X509Ptr>& chain,
             const std::vector<X509Ptr>& authorities, absl::Time when) {
  Store store(X509_STORE_new());
  for (const X509Ptr& authority : authorities) {
    X509_STORE_add_cert(store.get(), authority.get());
  }
  STACK_OF(X509)* others = sk_X509_new_null();
  for (const X509Ptr& one : chain) sk_X509_push(others, one.get());
  StoreContext context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), others);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set1_host(rules, seal::kCollectorServerName.data(),
                              seal::kCollectorServerName.size());
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(when));
  int error = X509_V_OK;
  if (X509_verify_cert(context.get()) != 1) {
    error = X509_STORE_CTX_get_error(context.get());
    if (error == X509_V_OK) error = X509_V_ERR_UNSPECIFIED;
  }
  sk_X509_free(others);
  return error;
}

bool IsAboutTime(int error) {
  return error == X509_V_ERR_CERT_NOT_YET_VALID ||
         error == X509_V_ERR_CERT_HAS_EXPIRED;
}

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

// Judges a chain that the clock finds out of its time.
ServerJudgement JudgeByFloor(const std::vector<X509Ptr>& chain,
                             const std::vector<X509Ptr>& authorities,
                             TimeBelief time) {
  ServerJudgement judgement;
  const absl::Time from = FromAsn1(X509_get0_notBefore(chain[0].get()));
  const absl::Time until = FromAsn1(X509_get0_notAfter(chain[0].get()));
  judgement.trust = Trust::kExpired;
  judgement.why = "the collector's certificate is good from " + Day(from) +
                  " to " + Day(until) + " and this device's clock says " +
                  Day(time.clock) +
                  ": set the clock, or renew the "
                  "collector's certificate";
  const bool behind = time.clock < from;
  if (!behind && time.clock - time.floor <= kBelievedAhead) return judgement;
  // A clock before the certificate began is wrong, or the certificate is of
  // the future; the time in which it is good and that is not before the floor
  // settles nothing worse than the authority's own word.
  absl::Time when = std::max(time.floor, from + absl::Seconds(1));
  if (VerifyAt(chain, authorities, when) == X509_V_OK) {
    judgement.trust = Trust::kGoodButClockWrong;
  }
  return judgement;
}

}  // namespace

absl::StatusOr<TlsRequest> MakeTlsRequest() {
  Key key(EVP_EC_gen("P-256"));
  Request request(X509_REQ_new());
  if (key == nullptr || request == nullptr ||
      X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1) {
    return absl::InternalError("TLS key: cannot be made");
  }
  X509_NAME* name = X509_REQ_get_subject_name(request.get());
  X509_NAME_add_entry_by_txt(
      name, "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>("schoolgate device"), -1, -1, 0);
  if (X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return absl::InternalError("TLS key: cannot sign its request");
  }
  Bio key_bio(BIO_new(BIO_s_mem()));
  Bio request_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr,
                                    0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509_REQ(request_bio.get(), request.get()) != 1) {
    return absl::InternalError("TLS key: cannot be written as PEM");
  }
  return TlsRequest{TextOf(key_bio.get()), TextOf(request_bio.get())};
}

absl::StatusOr<CertificateTimes> TimesOf(const std::string& pem) {
  const std::vector<X509Ptr> certificates = ParseCertificates(pem);
  if (certificates.empty()) {
    return absl::InvalidArgumentError("no certificate in PEM form");
  }
  X509* first = certificates[0].get();
  return CertificateTimes{FromAsn1(X509_get0_notBefore(first)),
                          FromAsn1(X509_get0_notAfter(first))};
}

bool BelongTogether(const std::string& certificate_pem,
                    const std::string& key_pem) {
  const std::vector<X509Ptr> certificates = ParseCertificates(certificate_pem);
  Bio bio = ReadFrom(key_pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  return !certificates.empty() && key != nullptr &&
         X509_check_private_key(certificates[0].get(), key.get()) == 1;
}

ServerJudgement JudgeServer(const std::string& chain_pem,
                            const ServerTrust& trust, TimeBelief time) {
  ServerJudgement judgement;
  std::vector<X509Ptr> chain = ParseCertificates(chain_pem);
  std::vector<X509Ptr> authorities = ParseCertificates(trust.authority_pem);
  if (authorities.empty()) {
    for (const X509Ptr& one : chain) {
      if (FingerprintOf(one.get()) != trust.authority_fingerprint) continue;
      X509_up_ref(one.get());
      authorities.emplace_back(one.get());
    }
  }
  if (chain.empty() || authorities.empty()) {
    judgement.why =
        "the server does not show the expected authority: check that "
        "the address is the collector's and the fingerprint is right";
    return judgement;
  }
  for (const X509Ptr& authority : authorities) {
    judgement.authority_pem += PemOf(authority.get());
  }
  const int error = VerifyAt(chain, authorities, time.clock);
  if (error == X509_V_OK) {
    judgement.trust =
        time.clock >= time.floor ? Trust::kGood : Trust::kGoodButClockWrong;
    return judgement;
  }
  if (IsAboutTime(error)) {
    ServerJudgement by_floor = JudgeByFloor(chain, authorities, time);
    by_floor.authority_pem = judgement.authority_pem;
    return by_floor;
  }
  judgement.why = std::string("the server is not this device's collector: ") +
                  X509_verify_cert_error_string(error) +
                  ": check the address and the enrolment file";
  return judgement;
}

}  // namespace schoolgate::agent
