#include "collector/fleet/authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/fleet/secret_file.h"

namespace schoolgate::collector {
namespace {

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Request = std::unique_ptr<X509_REQ, Deleter<X509_REQ, X509_REQ_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

// A quarter of a century: longer than any laptop; rotated with ca-old.crt.
constexpr absl::Duration kAuthorityLifetime = absl::Hours(24 * 365 * 25);
constexpr int kSerialBytes = 16;
constexpr size_t kMaxRequestBytes = 16 * 1024;

absl::Status Failed(std::string_view what) {
  return absl::InternalError(absl::StrCat(
      "OpenSSL: ", absl::string_view(what.data(), what.size()), ": failed"));
}

Bio FromText(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Cert CertOf(const std::string& pem) {
  return Cert(
      PEM_read_bio_X509(FromText(pem).get(), nullptr, nullptr, nullptr));
}

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

template <typename Write>
std::string Pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  return write(bio.get()) == 1 ? TextOf(bio.get()) : std::string();
}

std::string CertPem(X509* cert) {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, cert); });
}

std::string KeyPem(EVP_PKEY* key) {
  return Pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr,
                                    nullptr);
  });
}

Key NewKey() { return Key(EVP_EC_gen("P-256")); }

bool SetTimes(X509* cert, absl::Time now, absl::Duration lifetime) {
  const time_t from = absl::ToTimeT(now - Authority::kBackdate);
  const time_t to = absl::ToTimeT(now + lifetime);
  return ASN1_TIME_set(X509_getm_notBefore(cert), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(cert), to) != nullptr;
}

bool SetSerial(X509* cert) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool ok =
      BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != nullptr;
  BN_free(number);
  return ok;
}

bool AddName(X509_NAME* name, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(
             name, "CN", MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(common_name.data()),
             static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool ok = X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

struct Extension {
  int nid;
  std::string value;
};

// Signs a certificate for `subject_key`; issuer null: by itself.
absl::StatusOr<Cert> Issue(EVP_PKEY* subject_key, const std::string& name,
                           X509* issuer, EVP_PKEY* issuer_key, absl::Time now,
                           absl::Duration lifetime,
                           const std::vector<Extension>& extensions) {
  Cert cert(X509_new());
  X509* const signer = issuer != nullptr ? issuer : cert.get();
  bool ok =
      X509_set_version(cert.get(), X509_VERSION_3) == 1 &&
      SetSerial(cert.get()) && SetTimes(cert.get(), now, lifetime) &&
      AddName(X509_get_subject_name(cert.get()), name) &&
      X509_set_issuer_name(cert.get(), X509_get_subject_name(signer)) == 1 &&
      X509_set_pubkey(cert.get(), subject_key) == 1;
  for (const auto& [nid, value] : extensions) {
    ok = ok && AddExtension(cert.get(), signer, nid, value);
  }
  if (!ok || X509_sign(cert.get(), issuer_key, EVP_sha256()) == 0) {
    return Failed("certificate");
  }
  return cert;
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::vector<std::string> entries;
  for (const std::string& name : names) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
    entries.push_back(absl::StrCat(address != nullptr ? "IP:" : "DNS:", name));
    ASN1_OCTET_STRING_free(address);
  }
  return absl::StrJoin(entries, ",");
}

absl::StatusOr<Key> KeyOfRequest(const std::string& csr_pem) {
  const absl::Status bad = absl::InvalidArgumentError(
      "certificate request: not one for a P-256 key, signed by that key");
  if (csr_pem.size() > kMaxRequestBytes) return bad;
  const Request request(PEM_read_bio_X509_REQ(FromText(csr_pem).get(), nullptr,
                                              nullptr, nullptr));
  if (request == nullptr) return bad;
  Key key(X509_REQ_get_pubkey(request.get()));
  char curve[32] = {};
  if (key == nullptr ||
      EVP_PKEY_get_group_name(key.get(), curve, sizeof curve, nullptr) != 1 ||
      std::string_view(curve) != "prime256v1" ||
      X509_REQ_verify(request.get(), key.get()) != 1) {
    return bad;
  }
  return key;
}

class EcAuthority : public Authority {
 public:
  EcAuthority(Key key, Cert cert, std::string old_pem)
      : key_(std::move(key)),
        cert_(std::move(cert)),
        old_pem_(std::move(old_pem)) {}

  absl::StatusOr<Certificate> SignClient(
      const std::string& csr_pem, const std::string& common_name,
      absl::Time now, absl::Duration lifetime) const override {
    const absl::StatusOr<Key> key = KeyOfRequest(csr_pem);
    if (!key.ok()) return key.status();
    return Client(key->get(), common_name, now, lifetime);
  }

  absl::StatusOr<Certificate> MakeClient(
      const std::string& common_name, absl::Time now,
      absl::Duration lifetime) const override {
    const Key key = NewKey();
    absl::StatusOr<Certificate> certificate =
        Client(key.get(), common_name, now, lifetime);
    if (certificate.ok()) certificate->key_pem = KeyPem(key.get());
    return certificate;
  }

  absl::StatusOr<Certificate> MakeServer(
      const std::vector<std::string>& names, absl::Time now,
      absl::Duration lifetime) const override {
    const Key key = NewKey();
    const absl::StatusOr<Cert> cert =
        Issue(key.get(), names.empty() ? "collector" : names.front(),
              cert_.get(), key_.get(), now, lifetime,
              {{NID_basic_constraints, "critical,CA:FALSE"},
               {NID_key_usage, "critical,digitalSignature"},
               {NID_ext_key_usage, "serverAuth"},
               {NID_authority_key_identifier, "keyid"},
               {NID_subject_alt_name, AlternativeNames(names)}});
    if (!cert.ok()) return cert.status();
    return Certificate{CertPem(cert->get()), KeyPem(key.get()), now + lifetime};
  }

  std::string certificates_pem() const override {
    return CertPem(cert_.get()) + old_pem_;
  }

  std::string fingerprint() const override {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_digest(cert_.get(), EVP_sha256(), digest, &size);
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<char*>(digest), size));
  }

 private:
  absl::StatusOr<Certificate> Client(EVP_PKEY* key, const std::string& name,
                                     absl::Time now,
                                     absl::Duration lifetime) const {
    const absl::StatusOr<Cert> cert =
        Issue(key, name, cert_.get(), key_.get(), now, lifetime,
              {{NID_basic_constraints, "critical,CA:FALSE"},
               {NID_key_usage, "critical,digitalSignature"},
               {NID_ext_key_usage, "clientAuth"},
               {NID_authority_key_identifier, "keyid"}});
    if (!cert.ok()) return cert.status();
    return Certificate{CertPem(cert->get()), "", now + lifetime};
  }

  const Key key_;
  const Cert cert_;
  const std::string old_pem_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Authority>> Authority::Create(
    const std::string& directory, const std::string& name, absl::Time now) {
  if (std::filesystem::exists(absl::StrCat(directory, "/ca.crt"))) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory, ": there is an authority already"));
  }
  const Key key = NewKey();
  const absl::StatusOr<Cert> cert =
      Issue(key.get(), name, nullptr, key.get(), now, kAuthorityLifetime,
            {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
             {NID_key_usage, "critical,keyCertSign,cRLSign"},
             {NID_subject_key_identifier, "hash"}});
  if (!cert.ok()) return cert.status();
  absl::Status status =
      WriteSecretFile(absl::StrCat(directory, "/ca.key"), KeyPem(key.get()));
  if (status.ok()) {
    status = WriteSecretFile(absl::StrCat(directory, "/ca.crt"),
                             CertPem(cert->get()));
  }
  if (!status.ok()) return status;
  return Load(directory);
}

absl::StatusOr<std::unique_ptr<Authority>> Authority::Load(
    const std::string& directory) {
  const std::string key_file = absl::StrCat(directory, "/ca.key");
  const absl::StatusOr<std::string> key_pem = ReadSmallFile(key_file);
  const absl::StatusOr<std::string> cert_pem =
      ReadSmallFile(absl::StrCat(directory, "/ca.crt"));
  if (!key_pem.ok()) return key_pem.status();
  if (!cert_pem.ok()) return cert_pem.status();
  Key key(PEM_read_bio_PrivateKey(FromText(*key_pem).get(), nullptr, nullptr,
                                  nullptr));
  Cert cert(
      PEM_read_bio_X509(FromText(*cert_pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr || cert == nullptr ||
      X509_check_private_key(cert.get(), key.get()) != 1) {
    return absl::DataLossError(absl::StrCat(
        key_file, ": not the key of ca.crt beside it: restore the backup"));
  }
  const absl::StatusOr<std::string> old_pem =
      ReadSmallFile(absl::StrCat(directory, "/ca-old.crt"));
  return std::make_unique<EcAuthority>(std::move(key), std::move(cert),
                                       old_pem.ok() ? *old_pem : "");
}

absl::StatusOr<Validity> ValidityOf(const std::string& pem) {
  const Cert cert = CertOf(pem);
  tm from{}, to{};
  if (cert == nullptr ||
      ASN1_TIME_to_tm(X509_get0_notBefore(cert.get()), &from) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(cert.get()), &to) != 1) {
    return absl::InvalidArgumentError("not a certificate");
  }
  return Validity{absl::FromTM(from, absl::UTCTimeZone()),
                  absl::FromTM(to, absl::UTCTimeZone())};
}

bool CertificateIsFor(const std::string& pem, const std::string& name) {
  const Cert cert = CertOf(pem);
  return cert != nullptr &&
         (X509_check_ip_asc(cert.get(), name.c_str(), 0) == 1 ||
          X509_check_host(cert.get(), name.data(), name.size(), 0, nullptr) ==
              1);
}

bool KeyBelongsTo(const std::string& key_pem,
                  const std::string& certificate_pem) {
  const Cert cert = CertOf(certificate_pem);
  const Key key(PEM_read_bio_PrivateKey(FromText(key_pem).get(), nullptr,
                                        nullptr, nullptr));
  return cert != nullptr && key != nullptr &&
         X509_check_private_key(cert.get(), key.get()) == 1;
}

bool IsSignedBy(const std::string& certificate_pem,
                const std::string& authority_pem) {
  const Cert cert = CertOf(certificate_pem), authority = CertOf(authority_pem);
  return cert != nullptr && authority != nullptr &&
         X509_verify(cert.get(), X509_get0_pubkey(authority.get())) == 1;
}

absl::StatusOr<CertificateRequest> MakeCertificateRequest() {
  const Key key = NewKey();
  const Request request(X509_REQ_new());
  if (key == nullptr || X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return Failed("certificate request");
  }
  return CertificateRequest{KeyPem(key.get()), Pem([&](BIO* bio) {
                              return PEM_write_bio_X509_REQ(bio, request.get());
                            })};
}

}  // namespace schoolgate::collector
