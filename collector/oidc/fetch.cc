#include "collector/oidc/fetch.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/outbound/curl_handle.h"
#include "collector/outbound/url.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kAnswerLimit = 256 << 10;

size_t Take(char* from, size_t size, size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > kAnswerLimit) return 0;
  body.append(from, size * count);
  return size * count;
}

absl::StatusOr<Fetched> Get(const FetchCall& call) {
  char error[CURL_ERROR_SIZE] = "";
  const CurlHandle handle =
      BeginCurl(call.url, "http,https", call.ca_file, error);
  if (handle == nullptr) return absl::UnavailableError("libcurl: cannot start");
  CURL* curl = handle.get();
  Fetched answer;
  CurlList lines;
  AddLine(&lines, "Accept: application/json");
  if (!call.authorization.empty()) {
    AddLine(&lines, absl::StrCat("Authorization: ", call.authorization));
  }
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "schoolgate-collector");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (!call.form.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.form.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.form.data());
  }
  if (absl::Status done = CurlOutcome(curl_easy_perform(curl), error);
      !done.ok()) {
    return done;
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace

Fetch CurlFetch() { return &Get; }

absl::Status CheckFetchUrl(const std::string& url) {
  const std::string host = HostOfUrl(url);
  const bool plain = url.find_first_of(" \t\r\n@\\") == std::string::npos;
  if (plain && !host.empty() &&
      (absl::StartsWith(url, "https://") ||
       (absl::StartsWith(url, "http://") && IsThisMachine(host)))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(url, ": not an address that starts with https://"));
}

}  // namespace schoolgate::collector
