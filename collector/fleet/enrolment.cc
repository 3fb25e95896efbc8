#include "collector/fleet/enrolment.h"

#include <sodium.h>

#include "absl/strings/str_cat.h"
#include "collector/fleet/refusal.h"
#include "collector/fleet/token.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMaxFieldBytes = 256;
constexpr char kAgain[] =
    "make a new one with `schoolgate-collector enrol-token`";

absl::Status CheckFields(const v1::EnrolRequest& request) {
  for (const std::string* field :
       {&request.token(), &request.hostname(), &request.hardware_id(),
        &request.inventory_number(), &request.agent_version()}) {
    if (field->size() > kMaxFieldBytes) {
      return Refuse(absl::StatusCode::kInvalidArgument, "bad_request",
                    "enrolment: a field is longer than 256 bytes");
    }
  }
  if (request.signing_key().size() != seal::kPublicKeyBytes) {
    return Refuse(absl::StatusCode::kInvalidArgument, "bad_request",
                  "enrolment: the signing key is not 32 bytes");
  }
  return absl::OkStatus();
}

absl::Status BadRequest(const absl::Status& why) {
  return Refuse(absl::StatusCode::kInvalidArgument, "bad_request",
                std::string(why.message()));
}

}  // namespace

std::string DeviceIdOf(std::string_view signing_key) {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr size_t kCharacters = 8, kBitsEach = 5;
  unsigned char hash[crypto_generichash_BYTES];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const unsigned char*>(signing_key.data()),
                     signing_key.size(), nullptr, 0);
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits = bits << 8 | hash[i];
  std::string id = "D-";
  for (size_t i = 0; i < kCharacters; ++i) {
    id += kAlphabet[bits & 31];
    bits >>= kBitsEach;
  }
  return id;
}

absl::Status CheckState(const Device& device) {
  using absl::StatusCode;
  switch (device.state) {
    case DeviceState::kActive:
      return absl::OkStatus();
    case DeviceState::kQuarantined:
      return Refuse(StatusCode::kFailedPrecondition, "quarantined",
                    absl::StrCat(device.id,
                                 ": was seen twice at once, so one is a copy: "
                                 "enrol this machine again"));
    case DeviceState::kBanned:
      return Refuse(
          StatusCode::kPermissionDenied, "banned",
          absl::StrCat(device.id,
                       ": was shut out by the IT provider: ask them"));
    case DeviceState::kDecommissioned:
      return Refuse(StatusCode::kPermissionDenied, "decommissioned",
                    absl::StrCat(device.id,
                                 ": was taken out of use: enrol it again to "
                                 "use it further"));
  }
  return absl::InternalError("device in an unknown state");
}

absl::StatusOr<v1::EnrolResponse> Enrolment::Enrol(
    const v1::EnrolRequest& request, absl::Time now) {
  absl::Status status = CheckFields(request);
  if (!status.ok()) return status;
  const absl::StatusOr<EnrolToken> token = CheckToken(request.token());
  if (!token.ok()) return token.status();
  if (!seal::VerifyEnrol(request)) {
    return Refuse(absl::StatusCode::kPermissionDenied, "bad_signature",
                  "enrolment: not signed by the key that it names");
  }
  const absl::StatusOr<Certificate> certificate = authority_.SignClient(
      request.csr_pem(), DeviceIdOf(request.signing_key()), now,
      Authority::kDeviceLifetime);
  if (!certificate.ok()) return BadRequest(certificate.status());
  absl::StatusOr<Device> device = Admit(request, *token, now);
  if (!device.ok()) return device.status();
  device->certificate_expires = certificate->expires;
  status = devices_.Put(*device);
  if (status.ok()) {
    status = audit_.Append({.time = now,
                            .who = "system",
                            .action = "enrol",
                            .about = device->id,
                            .detail = absl::StrCat("token ", token->id),
                            .hash = ""});
  }
  if (!status.ok()) return status;
  return Answer(*device, *certificate, now);
}

absl::StatusOr<EnrolToken> Enrolment::CheckToken(const std::string& text) {
  const std::optional<TokenText> parts = ParseToken(text);
  const absl::Status unknown = Refuse(
      absl::StatusCode::kPermissionDenied, "token_unknown",
      absl::StrCat("enrolment token: not known to this collector: ", kAgain));
  if (!parts) return unknown;
  absl::StatusOr<EnrolToken> token = devices_.GetToken(parts->id);
  if (absl::IsNotFound(token.status())) return unknown;
  if (!token.ok()) return token.status();
  if (!SecretFits(token->secret_hash, parts->secret)) return unknown;
  if (token->withdrawn) {
    return Refuse(absl::StatusCode::kPermissionDenied, "token_withdrawn",
                  absl::StrCat("enrolment token ", token->id,
                               ": was withdrawn: ", kAgain));
  }
  return token;
}

absl::StatusOr<Device> Enrolment::Admit(const v1::EnrolRequest& request,
                                        const EnrolToken& token,
                                        absl::Time now) {
  const std::string id = DeviceIdOf(request.signing_key());
  const absl::StatusOr<Device> known = devices_.Get(id);
  if (known.ok()) {
    if (known->signing_key != request.signing_key()) {
      return Refuse(absl::StatusCode::kAlreadyExists, "bad_request",
                    "enrolment: another device has this name: make a new key");
    }
    const absl::Status status = CheckState(*known);
    if (!status.ok()) return status;
    return known;
  }
  if (!absl::IsNotFound(known.status())) return known.status();
  const absl::Status used = devices_.UseToken(token.id, now);
  if (absl::IsFailedPrecondition(used)) {
    return Refuse(absl::StatusCode::kFailedPrecondition,
                  token.expires <= now ? "token_expired" : "token_used_up",
                  std::string(used.message()));
  }
  if (!used.ok()) return used;
  Device device;
  device.id = id;
  device.school = token.school;
  device.group = token.group;
  device.hostname = request.hostname();
  device.inventory_number = request.inventory_number();
  device.hardware_id = request.hardware_id();
  device.signing_key = request.signing_key();
  device.enrolled = now;
  return device;
}

absl::StatusOr<v1::EnrolResponse> Enrolment::Renew(
    const v1::RenewRequest& request, absl::Time now) {
  const absl::StatusOr<Device> device = devices_.Get(request.device());
  if (absl::IsNotFound(device.status())) {
    return Refuse(absl::StatusCode::kNotFound, "unknown_device",
                  "renewal: this collector does not know the device: enrol it");
  }
  if (!device.ok()) return device.status();
  if (!seal::VerifyRenew(request, device->signing_key)) {
    return Refuse(absl::StatusCode::kPermissionDenied, "bad_signature",
                  "renewal: not signed by this device's key");
  }
  const absl::Status state = CheckState(*device);
  if (!state.ok()) return state;
  const absl::Duration clock_error =
      absl::FromUnixMicros(request.time_unix_us()) - now;
  if (absl::AbsDuration(clock_error) > kClockTolerance) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "clock_wrong",
                  absl::StrCat("renewal: the device's clock is wrong: here it "
                               "is ",
                               absl::FormatTime(now, absl::UTCTimeZone())));
  }
  if (now - device->certificate_expires > kRenewableAfterExpiry) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "unknown_device",
                  "renewal: its certificate ended over 400 days ago: enrol it "
                  "again");
  }
  const absl::StatusOr<Certificate> certificate = authority_.SignClient(
      request.csr_pem(), device->id, now, Authority::kDeviceLifetime);
  if (!certificate.ok()) return BadRequest(certificate.status());
  DeviceContact contact;
  contact.id = device->id;
  contact.certificate_expires = certificate->expires;
  const absl::Status status = devices_.RecordContacts({&contact, 1});
  if (!status.ok()) return status;
  return Answer(*device, *certificate, now);
}

void Enrolment::SetGift(EnrolmentGift gift) {
  auto fresh = std::make_shared<const EnrolmentGift>(std::move(gift));
  const std::lock_guard lock(gift_mutex_);
  gift_ = std::move(fresh);
}

std::shared_ptr<const EnrolmentGift> Enrolment::Gift() const {
  const std::lock_guard lock(gift_mutex_);
  return gift_;
}

absl::StatusOr<v1::EnrolResponse> Enrolment::Answer(
    const Device& device, const Certificate& certificate,
    absl::Time now) const {
  const std::shared_ptr<const EnrolmentGift> gift = Gift();
  const auto school = gift->schools.find(device.school);
  if (school == gift->schools.end()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "bad_request",
                  absl::StrCat("school ", device.school,
                               ": has no keys here: run `schoolgate-collector "
                               "setup --school ",
                               device.school, "`"));
  }
  v1::EnrolResponse response;
  response.set_device(device.id);
  response.set_certificate_pem(certificate.certificate_pem);
  response.set_authority_pem(authority_.certificates_pem());
  response.set_sealing_key(gift->sealing_key);
  response.set_school(device.school);
  response.set_group(device.group);
  response.set_pseudonym_key(school->second.pseudonym_key);
  response.set_safeguarding_key(school->second.safeguarding_key);
  response.set_police_key(school->second.police_key);
  response.set_rules_root(gift->rules_root);
  response.set_server_time_unix_us(absl::ToUnixMicros(now));
  return response;
}

}  // namespace schoolgate::collector
