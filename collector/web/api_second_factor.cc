// A code from an authenticator program beside the password.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/web/api.h"
#include "collector/web/totp.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kCodeLimit = 40;
constexpr char kNewSecret[] = "new second factor";
constexpr absl::Duration kConfirmWithin = absl::Hours(1);

std::string Digits(const std::string& code) {
  std::string digits;
  for (const char c : code) {
    if (c != ' ') digits.push_back(c);
  }
  return digits;
}

Response NotStored() {
  return Refusal(503, "not_stored", "Nothing was changed. Try again later.");
}

Response NotNow(bool has) {
  return Refusal(
      409, "not_now",
      has ? "You have a second factor already." : "Begin with a new key.");
}

}  // namespace

absl::Status Api::KeepNewSecret(const std::string& account,
                                const std::string& secret) {
  return passing_.Change(
      kNewSecret, clock_.SinceBoot(), [&](std::vector<Passing>& all) {
        std::erase_if(all, [&](const Passing& one) {
          return one.key == account || one.age >= kConfirmWithin;
        });
        all.push_back({.key = account, .owner = account, .body = secret});
      });
}

absl::StatusOr<std::string> Api::NewSecretOf(const std::string& account) {
  const auto found = passing_.Get(kNewSecret, account, clock_.SinceBoot());
  if (!found.ok()) return found.status();
  if (found->age >= kConfirmWithin) return absl::NotFoundError("too old");
  return found->body;
}

bool Api::HasSecondFactor(const std::string& account) {
  if (stores_.second_factors == nullptr) return false;
  // What cannot be read is there: else a broken disk would open the door.
  return !absl::IsNotFound(stores_.second_factors->Get(account).status());
}

bool Api::TakeCode(const std::string& account, const std::string& code) {
  const absl::StatusOr<SecondFactor> factor =
      stores_.second_factors->Get(account);
  if (!factor.ok()) return false;
  if (const auto step =
          TotpStepOf(factor->secret, Digits(code), clock_.Now())) {
    const auto taken = stores_.second_factors->TakeStep(account, *step);
    return taken.ok() && *taken;
  }
  const auto taken =
      stores_.second_factors->TakeRecovery(account, RecoveryHash(code));
  if (!taken.ok() || !*taken) return false;
  (void)Record(account, "use_recovery_code", "", "");
  return true;
}

Response Api::ChangeSecondFactor(const Request& request, const Caller& caller) {
  if (stores_.second_factors == nullptr) {
    return Refusal(503, "not_here", "This server keeps no second factors.");
  }
  const nlohmann::json body = BodyObject(request);
  const std::string step = Text(body, "step", 10);
  const std::string code = Text(body, "code", kCodeLimit);
  const std::string& name = caller.account.name;
  const bool has = HasSecondFactor(name);
  const std::lock_guard lock(second_factor_mutex_);
  if (step == "begin" && !has) {
    const std::string secret = seal::RandomBytes(kTotpSecretBytes);
    if (!KeepNewSecret(name, secret).ok()) return NotStored();
    const std::string key = Base32(secret);
    return JsonAnswer(
        {{"key", key},
         {"link", absl::StrCat("otpauth://totp/Schoolgate:", name,
                               "?secret=", key, "&issuer=Schoolgate")}});
  }
  if (step == "confirm" && !has) {
    const absl::StatusOr<std::string> secret = NewSecretOf(name);
    if (absl::IsNotFound(secret.status())) return NotNow(has);
    if (!secret.ok()) return NotStored();
    const auto fits = TotpStepOf(*secret, Digits(code), clock_.Now());
    if (!fits) {
      return Refusal(400, "wrong_code",
                     "This is not the code that your program shows now.");
    }
    if (auto failed = Record(name, "add_second_factor", "", "")) return *failed;
    SecondFactor factor{.account = name, .secret = *secret, .last_step = *fits};
    const std::vector<std::string> codes = MakeRecoveryCodes();
    for (const std::string& one : codes) {
      factor.recovery_hashes.push_back(RecoveryHash(one));
    }
    const absl::Duration now = clock_.SinceBoot();
    if (!sessions_.CloseOthers(name, caller.session.key, now).ok() ||
        !stores_.second_factors->Put(factor).ok()) {
      return NotStored();
    }
    (void)passing_.Take(kNewSecret, name, now);
    return JsonAnswer({{"recovery_codes", codes}});
  }
  if (step == "remove" && has) {
    const absl::Duration now = clock_.SinceBoot();
    if (by_account_.Wait(name, now) > absl::ZeroDuration()) {
      return Refusal(429, "locked", "Too many tries. Wait a little.");
    }
    if (!TakeCode(name, code)) {
      by_account_.Fail(name, now);
      return Refusal(400, "wrong_code", "This is not a code that is good now.");
    }
    if (auto failed = Record(name, "remove_second_factor", "", "")) {
      return *failed;
    }
    return stores_.second_factors->Remove(name).ok()
               ? JsonAnswer(nlohmann::json::object())
               : NotStored();
  }
  return NotNow(has);
}

}  // namespace schoolgate::collector
