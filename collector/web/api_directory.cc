// Log-in at the school's own directory (OpenID Connect). The browser comes
// back to the page /signed-in, which brings code and state here with a call of
// its own: no answer of this server sends a browser anywhere but to the
// provider, and nobody else can finish what this browser began.
#include <sodium.h>

#include "absl/strings/str_cat.h"
#include "collector/fleet/journal.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr char kLogInCookie[] = "__Host-directory";
constexpr size_t kValueLimit = 2000;
constexpr size_t kCodeLimit = 40;

std::string LogInCookie(const std::string& token) {
  return absl::StrCat(kLogInCookie, "=", token,
                      "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=",
                      token.empty() ? 0 : 600);
}

Response Forgotten(Response response) {
  response.headers.emplace_back("Set-Cookie", LogInCookie(""));
  return response;
}

bool Equal(const std::string& a, const std::string& b) {
  return !a.empty() && a.size() == b.size() &&
         sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

// What went wrong, for the journal and for the reader.
Response Failure(const absl::Status& status) {
  Log(Level::kWarning, "directory_log_in_failed",
      {{"why", std::string(status.message())}});
  if (absl::IsUnauthenticated(status)) {
    return Refusal(401, "begin_again",
                   "Your school’s log-in did not confirm this. Begin again.");
  }
  if (absl::IsUnavailable(status)) {
    return Refusal(503, "directory_away",
                   "Your school’s log-in does not answer at the moment. Log in "
                   "with your user name and password, or try again later.");
  }
  return Refusal(401, "directory_refused",
                 "What your school’s log-in answered could not be trusted, so "
                 "you were not logged in. Tell your IT provider: the reason is "
                 "in the log of the Schoolgate server.");
}

Response NotThere() {
  return Refusal(404, "no_directory",
                 "This server knows no other log-in than its own.");
}

Response BeginAgain() {
  return Forgotten(Refusal(401, "begin_again",
                           "This log-in was not begun in this window, or it "
                           "took too long. Begin again."));
}

}  // namespace

Response Api::ShowLogIn() {
  nlohmann::json answer = {{"directory", nullptr}};
  if (oidc_ != nullptr) {
    const std::string& name = oidc_->config().name;
    answer["directory"] = {
        {"name", name.empty() ? "your school account" : name},
        {"dashboard", oidc_->config().dashboard}};
  }
  return JsonAnswer(answer);
}

Response Api::BeginDirectory(const Request& request) {
  if (oidc_ == nullptr || stores_.identities == nullptr) return NotThere();
  const std::string& dashboard = oidc_->config().dashboard;
  // The provider sends the browser there: its cookie must be there as well.
  if ("https://" + request.Header("host") != dashboard) {
    return Refusal(409, "wrong_address",
                   absl::StrCat("To log in with your school account open the "
                                "dashboard at ",
                                dashboard, "."));
  }
  absl::StatusOr<OidcLogIn> begun = oidc_->Begin();
  if (!begun.ok()) return Failure(begun.status());
  Response response = JsonAnswer({{"go", begun->address}});
  const absl::StatusOr<std::string> token = directory_log_ins_.Open(
      {*std::move(begun), request.address, "", absl::ZeroDuration()},
      clock_.SinceBoot());
  if (!token.ok()) return Busy();
  response.headers.emplace_back("Set-Cookie", LogInCookie(*token));
  return response;
}

Response Api::FinishDirectory(const Request& request) {
  if (oidc_ == nullptr || stores_.identities == nullptr) return NotThere();
  const nlohmann::json body = BodyObject(request);
  const std::string token = request.Cookie(kLogInCookie);
  std::optional<DirectoryLogIn> known =
      directory_log_ins_.Take(token, clock_.SinceBoot());
  if (!known || !known->account.empty() ||
      !Equal(Text(body, "state", kValueLimit), known->log_in.state)) {
    return BeginAgain();
  }
  if (body.contains("error")) {
    // "access_denied": the person changed their mind, or may not.
    return Forgotten(Refusal(401, "directory_no",
                             "Your school’s log-in did not let you through. "
                             "Begin again, or use your user name and "
                             "password."));
  }
  const absl::StatusOr<TokenClaims> claims =
      oidc_->Finish(known->log_in, Text(body, "code", kValueLimit),
                    Text(body, "iss", kValueLimit));
  if (!claims.ok()) {
    ++counters_.log_ins_failed;
    return Forgotten(Failure(claims.status()));
  }
  Response refusal;
  const std::optional<Account> account =
      AccountOf(*claims, request.address, &refusal);
  if (!account) {
    ++counters_.log_ins_failed;
    return Forgotten(refusal);
  }
  if (!HasSecondFactor(account->name)) {
    return Forgotten(OpenSession(*account, "log_in_directory", request));
  }
  known->account = account->name;
  directory_log_ins_.PutBack(token, *known, clock_.SinceBoot());
  return Refusal(401, "code", "Enter the code that your authenticator shows.");
}

// Whose account it is; binds it at the first time.
std::optional<Account> Api::AccountOf(const TokenClaims& claims,
                                      const std::string& address,
                                      Response* refusal) {
  const std::string& issuer = oidc_->config().issuer;
  absl::StatusOr<Identity> identity =
      stores_.identities->BySubject(issuer, claims.subject);
  *refusal = Busy();
  if (absl::IsNotFound(identity.status()) && !claims.verified_email.empty()) {
    identity = stores_.identities->ByEmail(claims.verified_email);
    if (identity.ok() && !identity->bound()) {
      identity->issuer = issuer;
      identity->subject = claims.subject;
      if (auto failed =
              Record(identity->account, "bind_directory", "",
                     absl::StrCat(claims.verified_email, ", ", address))) {
        *refusal = *failed;
        return std::nullopt;
      }
      const absl::StatusOr<bool> bound = stores_.identities->Bind(*identity);
      if (!bound.ok()) return std::nullopt;
      if (!*bound) identity = absl::NotFoundError("somebody else was quicker");
    } else if (identity.ok()) {
      // An address that was given on, or taken.
      (void)Record(identity->account, "log_in_directory_failed", "", address);
      *refusal = Refusal(
          403, "other_person",
          "The account with your e-mail address belongs to somebody else of "
          "your school’s directory. Ask your IT provider to look into it.");
      return std::nullopt;
    }
  }
  absl::StatusOr<Account> account =
      identity.ok() ? stores_.accounts.Get(identity->account)
                    : absl::StatusOr<Account>(identity.status());
  if (account.ok()) return *std::move(account);
  if (absl::IsNotFound(account.status())) {
    Log(Level::kWarning, "directory_log_in_failed",
        {{"why", "no account belongs to this person"}});
    *refusal = Refusal(
        403, "no_account",
        absl::StrCat(
            "Your school’s log-in knows you, but no account here belongs to ",
            claims.verified_email.empty()
                ? "you, and it does not confirm your e-mail address"
                : claims.verified_email,
            ". Ask your IT provider to enter it for your account."));
  }
  return std::nullopt;
}

// The authenticator's code, when the directory said who it is.
Response Api::FinishDirectoryCode(const Request& request) {
  if (oidc_ == nullptr) return NotThere();
  const std::string token = request.Cookie(kLogInCookie);
  const absl::Duration now = clock_.SinceBoot();
  std::optional<DirectoryLogIn> known = directory_log_ins_.Take(token, now);
  if (!known || known->account.empty()) return BeginAgain();
  const absl::StatusOr<Account> account = stores_.accounts.Get(known->account);
  if (!account.ok()) return BeginAgain();
  if (by_account_.Wait(account->name, now) > absl::ZeroDuration()) {
    directory_log_ins_.PutBack(token, *known, now);
    return Refusal(429, "locked", "Too many tries. Wait a little.");
  }
  if (!TakeCode(account->name, Text(BodyObject(request), "code", kCodeLimit))) {
    const Response failed = FailLogIn(account->name, request.address, account);
    directory_log_ins_.PutBack(token, *known, now);
    return failed.status != 401
               ? failed
               : Refusal(401, "wrong_code",
                         "This is not a code that is good now.");
  }
  by_account_.Forget(account->name);
  return Forgotten(OpenSession(*account, "log_in_directory", request));
}

}  // namespace schoolgate::collector
