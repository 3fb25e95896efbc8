// Log-in, log-out, password.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/web/api.h"
#include "collector/web/password.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kNameMaxBytes = 64;
constexpr size_t kCodeMaxBytes = 40;

std::string SetCookie(const std::string& token) {
  return absl::StrCat(kSessionCookie, "=", token,
                      "; Path=/; Secure; HttpOnly; SameSite=Strict",
                      token.empty() ? "; Max-Age=0" : "");
}

Response Wait(absl::Duration wait) {
  const int64_t seconds =
      absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)));
  const int64_t minutes = (seconds + 59) / 60;
  Response response = Refusal(
      429, "locked",
      absl::StrCat("Too many tries. Wait ",
                   minutes > 1 ? absl::StrCat(minutes, " minutes")
                               : absl::StrCat(seconds, " seconds"),
                   ", then try again. If you have forgotten your password, "
                   "ask your IT provider for a new one."));
  response.headers.emplace_back("Retry-After", absl::StrCat(seconds));
  return response;
}

}  // namespace

nlohmann::json Api::SessionJson(const Caller& caller) {
  const Account& account = caller.account;
  const auto may = [&](Endpoint endpoint) {
    return RoleMay(account.role, endpoint);
  };
  return {{"name", account.name},
          {"display_name",
           account.display_name.empty() ? account.name : account.display_name},
          {"role", RoleWord(account.role)},
          {"role_title", RoleTitle(account.role)},
          {"school", account.school},
          {"csrf", caller.session.csrf},
          {"must_change_password", account.must_change_password},
          {"second_factor", HasSecondFactor(account.name)},
          {"idle_seconds", absl::ToInt64Seconds(sessions_.limits().idle)},
          {"reviews_due",
           may(Endpoint::kWriteReview) ? ReviewsDue(account.school) : 0},
          {"may",
           {{"alerts", may(Endpoint::kAlerts)},
            {"alert", may(Endpoint::kAlert)},
            {"write", may(Endpoint::kState)},
            {"live", may(Endpoint::kLive)},
            {"devices", may(Endpoint::kDevices)},
            {"audit", may(Endpoint::kAudit)},
            {"records", may(Endpoint::kRecords)},
            {"own_record", !account.own_pseudonym.empty()},
            {"report", may(Endpoint::kReport)},
            {"reviews", may(Endpoint::kReviews)},
            {"inventory", may(Endpoint::kInventory)},
            {"budget", may(Endpoint::kBudget)}}}};
}

// A name that nobody has is treated as one that somebody has: same work, same
// words, same waits.
Response Api::LogIn(const Request& request) {
  const nlohmann::json body = BodyObject(request);
  const std::string name =
      absl::AsciiStrToLower(Text(body, "name", kNameMaxBytes));
  std::string password;
  if (body.contains("password") && body["password"].is_string()) {
    password = body["password"].get<std::string>();
  }
  if (name.empty() || password.empty()) {
    return Refusal(400, "incomplete", "Enter your user name and password.");
  }
  const absl::Duration now = clock_.SinceBoot();
  absl::StatusOr<Account> account = stores_.accounts.Get(name);
  absl::Duration wait = std::max(by_account_.Wait(name, now),
                                 by_address_.Wait(request.address, now));
  if (account.ok()) {
    wait = std::max(wait, account->locked_until - clock_.Now());
  }
  if (wait > absl::ZeroDuration()) return Wait(wait);

  const bool fits = PasswordFits(account.ok() ? account->password_hash : "",
                                 password.substr(0, kPasswordMaxBytes + 1)) &&
                    password.size() <= kPasswordMaxBytes;
  if (!fits) return FailLogIn(name, request.address, account);
  if (HasSecondFactor(name)) {
    const std::string code = Text(body, "code", kCodeMaxBytes);
    // Asked for after the right password only: a stranger learns nothing.
    if (code.empty()) {
      return Refusal(401, "code",
                     "Enter the code that your authenticator shows.");
    }
    if (!TakeCode(name, code)) {
      const Response failed = FailLogIn(name, request.address, account);
      return failed.status != 401
                 ? failed
                 : Refusal(401, "wrong_code",
                           "This is not a code that is good now.");
    }
  }

  by_account_.Forget(name);
  if (account->failures != 0) {
    account->failures = 0;
    account->locked_until = absl::InfinitePast();
    if (!stores_.accounts.Put(*account).ok()) {
      return Refusal(503, "not_stored", "Try again in a minute.");
    }
  }
  return OpenSession(*account, "log_in", request);
}

Response Api::OpenSession(const Account& account, const std::string& how,
                          const Request& request) {
  if (auto failed = Record(account.name, how, "", request.address)) {
    return *failed;
  }
  ++counters_.log_ins;
  const absl::Duration now = clock_.SinceBoot();
  const absl::StatusOr<std::string> token = sessions_.Open(account.name, now);
  if (!token.ok()) return Busy();
  const absl::StatusOr<Session> session = sessions_.Find(*token, now, true);
  if (!session.ok()) return Busy();
  Response response = JsonAnswer(SessionJson({account, *session}));
  response.headers.emplace_back("Set-Cookie", SetCookie(*token));
  return response;
}

Response Api::FailLogIn(const std::string& name, const std::string& address,
                        const absl::StatusOr<Account>& account) {
  ++counters_.log_ins_failed;
  const absl::Duration now = clock_.SinceBoot();
  const uint32_t failures = by_account_.Fail(name, now);
  by_address_.Fail(address, now);
  if (account.ok()) {
    // Also on disk: a restart of the server gives no new tries.
    Account changed = *account;
    changed.failures = std::max(changed.failures + 1, failures);
    const absl::Duration wait = by_account_.WaitAfter(changed.failures);
    if (wait > absl::ZeroDuration()) changed.locked_until = clock_.Now() + wait;
    (void)stores_.accounts.Put(changed);
    // A wrong name may be somebody's password typed in the wrong field: only
    // names that exist are written down.
    (void)Record(name, "log_in_failed", "", address);
  }
  const absl::Duration wait = by_account_.Wait(name, now);
  if (wait > absl::ZeroDuration()) return Wait(wait);
  return Refusal(401, "wrong", "The user name or the password is not right.");
}

Response Api::LogOut(const Caller& caller) {
  if (!sessions_.Close(caller.session.key, clock_.SinceBoot()).ok()) {
    return Refusal(503, "still_in",
                   "You could not be logged out. Try again in a minute.");
  }
  (void)Record(caller.account.name, "log_out", "", "");
  Response response = JsonAnswer(nlohmann::json::object());
  response.headers.emplace_back("Set-Cookie", SetCookie(""));
  return response;
}

Response Api::ChangePassword(const Request& request, const Caller& caller) {
  const nlohmann::json body = BodyObject(request);
  const auto secret = [&](const char* key) {
    return body.contains(key) && body[key].is_string()
               ? body[key].get<std::string>()
               : std::string();
  };
  const std::string old_password = secret("old_password");
  const std::string new_password = secret("new_password");
  const absl::Duration now = clock_.SinceBoot();
  const std::string& name = caller.account.name;
  if (const absl::Duration wait = by_account_.Wait(name, now);
      wait > absl::ZeroDuration()) {
    return Wait(wait);
  }
  if (!PasswordFits(caller.account.password_hash,
                    old_password.substr(0, kPasswordMaxBytes + 1))) {
    return FailLogIn(name, request.address, caller.account).status == 429
               ? Wait(by_account_.Wait(name, now))
               : Refusal(403, "wrong_old",
                         "The present password is not right.");
  }
  if (old_password == new_password) {
    return Refusal(400, "weak", "Choose a password you have not used before.");
  }
  if (absl::Status fine = CheckNewPassword(name, new_password); !fine.ok()) {
    return Refusal(400, "weak", std::string(fine.message()));
  }
  absl::StatusOr<std::string> hash = HashPassword(new_password);
  if (!hash.ok()) return Busy();
  if (auto failed = Record(name, "change_password", "", "")) return *failed;
  Account changed = caller.account;
  changed.password_hash = *hash;
  changed.must_change_password = false;
  changed.failures = 0;
  changed.locked_until = absl::InfinitePast();
  if (!stores_.accounts.Put(changed).ok()) {
    return Refusal(503, "not_stored",
                   "The new password could not be stored. The old one still "
                   "works.");
  }
  by_account_.Forget(name);
  if (!sessions_.CloseOthers(name, caller.session.key, now).ok()) {
    return Refusal(503, "others_in",
                   "The new password holds, but whoever else is logged in to "
                   "your account could not be logged out. Change it once more "
                   "in a minute.");
  }
  return JsonAnswer(SessionJson({changed, caller.session}));
}

}  // namespace schoolgate::collector
