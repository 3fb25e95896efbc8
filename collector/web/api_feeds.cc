// Alerts for programs that fetch: Atom and CSV, with a token.
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "collector/cases/alert_documents.h"
#include "collector/feed/feed_token.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kAtomEntries = 200;
constexpr size_t kCsvRows = 100'000;

// "Bearer TOKEN", or "Basic ..." with the token as the password.
std::string TokenIn(const std::string& header) {
  std::string rest = header;
  if (absl::StartsWithIgnoreCase(rest, "bearer ")) {
    return std::string(absl::StripAsciiWhitespace(rest.substr(7)));
  }
  std::string pair;
  if (absl::StartsWithIgnoreCase(rest, "basic ") &&
      absl::Base64Unescape(absl::StripAsciiWhitespace(rest.substr(6)), &pair)) {
    const size_t colon = pair.find(':');
    if (colon != std::string::npos) return pair.substr(colon + 1);
  }
  return "";
}

Response Denied() {
  Response response = Refusal(401, "token", "Send a token: see docs/feeds.md.");
  response.headers.emplace_back("WWW-Authenticate",
                                "Basic realm=\"Schoolgate alerts\"");
  return response;
}

}  // namespace

Response Api::AnswerFeed(const Request& request) {
  const bool csv = request.path == "/feed/alerts.csv";
  if (request.method != "GET" ||
      (!csv && request.path != "/feed/alerts.atom")) {
    return Refusal(404, "not_found", "There is no such feed.");
  }
  if (!without_log_in_.Take(request.address, clock_.SinceBoot())) {
    ++counters_.rate_limited;
    return Refusal(429, "too_fast", "Too many requests. Wait a moment.");
  }
  if (stores_.feeds == nullptr) return Denied();
  const auto token =
      CheckFeedToken(TokenIn(request.Header("authorization")), *stores_.feeds);
  if (absl::IsPermissionDenied(token.status())) return Denied();
  if (!token.ok()) return Busy();
  const absl::StatusOr<Account> reader = stores_.accounts.Get(token->account);
  if (!reader.ok()) return Denied();
  AlertQuery query;
  query.school = reader->school;
  query.open_only = !csv;
  query.limit = csv ? kCsvRows : kAtomEntries;
  absl::StatusOr<std::vector<v1::Alert>> found = stores_.alerts.Find(query);
  if (!found.ok()) return Busy();
  if (auto failed = Record(reader->name, "fetch_feed", "",
                           absl::StrCat(csv ? "csv " : "atom ", token->id))) {
    return *failed;
  }
  const Readers everybody = Everybody();
  std::vector<SeenAlert> seen;
  for (v1::Alert& alert : *found) {
    const Sight sight = SightOf(*reader, alert, everybody);
    if (sight == Sight::kFull || sight == Sight::kHealth) {
      seen.push_back({std::move(alert), sight});
    }
  }
  Response response;
  response.type =
      csv ? "text/csv; charset=utf-8" : "application/atom+xml; charset=utf-8";
  response.body =
      csv ? CsvOf(seen, [this](const auto& name) { return NameOf(name); })
          : AtomOf(seen, "https://" + request.Header("host"), clock_.Now());
  return response;
}

}  // namespace schoolgate::collector
