// One plain HTTP request, for tests.
#pragma once

#include <curl/curl.h>

#include <string>

namespace schoolgate::collector {

struct HttpAnswer {
  long status = 0;
  std::string body, headers;
};

inline size_t AppendTo(char* from, size_t size, size_t count, void* to) {
  static_cast<std::string*>(to)->append(from, size * count);
  return size * count;
}

// `address` is host:port/path.
inline HttpAnswer HttpGet(const std::string& address,
                          const char* method = nullptr) {
  HttpAnswer answer;
  CURL* curl = curl_easy_init();
  const std::string url = "http://" + address;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  if (method != nullptr) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &AppendTo);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &AppendTo);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
  curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_cleanup(curl);
  return answer;
}

}  // namespace schoolgate::collector
