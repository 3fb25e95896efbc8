#include "collector/outbound/curl_handle.h"

namespace schoolgate::collector {
namespace {

constexpr long kConnectSeconds = 5;
constexpr long kWholeSeconds = 15;

}  // namespace

void AddLine(CurlList* list, const std::string& line) {
  list->reset(curl_slist_append(list->release(), line.c_str()));
}

CurlHandle BeginCurl(const std::string& url, const char* protocols,
                     const std::string& ca_file, char* error) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CurlHandle handle(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (handle == nullptr) return handle;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kWholeSeconds);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
  }
  return handle;
}

absl::Status CurlOutcome(CURLcode code, const char* error) {
  if (code == CURLE_OK) return absl::OkStatus();
  return absl::UnavailableError(error[0] != '\0' ? error
                                                 : curl_easy_strerror(code));
}

}  // namespace schoolgate::collector
