#include "collector/oidc/fetch.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr long kConnectSeconds = 5;
constexpr long kWholeSeconds = 15;
constexpr size_t kAnswerLimit = 256 << 10;

struct CurlEnds {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

size_t Take(char* from, size_t size, size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > kAnswerLimit) return 0;
  body.append(from, size * count);
  return size * count;
}

absl::StatusOr<Fetched> Get(const FetchCall& call) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlEnds> handle(
      started == CURLE_OK ? curl_easy_init() : nullptr);
  if (handle == nullptr) return absl::UnavailableError("libcurl: cannot start");
  CURL* curl = handle.get();
  char error[CURL_ERROR_SIZE] = "";
  Fetched answer;
  std::unique_ptr<curl_slist, CurlEnds> lines(
      curl_slist_append(nullptr, "Accept: application/json"));
  if (!call.authorization.empty()) {
    lines.reset(curl_slist_append(
        lines.release(),
        absl::StrCat("Authorization: ", call.authorization).c_str()));
  }
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kWholeSeconds);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "schoolgate-collector");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (!call.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, call.ca_file.c_str());
  }
  if (!call.form.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.form.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.form.data());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    return absl::UnavailableError(error[0] != '\0' ? error
                                                   : curl_easy_strerror(code));
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace

Fetch CurlFetch() { return &Get; }

absl::Status CheckFetchUrl(const std::string& url) {
  const size_t start = url.find("://");
  const std::string rest =
      start == std::string::npos ? "" : url.substr(start + 3);
  const std::string host = absl::StartsWith(rest, "[")
                               ? rest.substr(0, rest.find(']') + 1)
                               : rest.substr(0, rest.find_first_of(":/?#"));
  const bool plain = url.find_first_of(" \t\r\n@\\") == std::string::npos;
  const bool here =
      host == "127.0.0.1" || host == "localhost" || host == "[::1]";
  if (plain && !host.empty() &&
      (absl::StartsWith(url, "https://") ||
       (absl::StartsWith(url, "http://") && here))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(url, ": not an address that starts with https://"));
}

}  // namespace schoolgate::collector
