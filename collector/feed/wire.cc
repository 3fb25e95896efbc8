#include "collector/feed/wire.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr long kConnectSeconds = 5;
constexpr long kWholeSeconds = 15;

struct CurlEnds {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CurlEnds>;
using List = std::unique_ptr<curl_slist, CurlEnds>;

void Add(List* list, const std::string& line) {
  list->reset(curl_slist_append(list->release(), line.c_str()));
}

size_t Drop(char*, size_t size, size_t count, void*) { return size * count; }

// Whether `url` names this machine, where nobody listens in between.
bool IsHere(const std::string& url) {
  const size_t start = url.find("://");
  if (start == std::string::npos) return false;
  const std::string rest = url.substr(start + 3);
  const std::string host = rest[0] == '['
                               ? rest.substr(0, rest.find(']') + 1)
                               : rest.substr(0, rest.find_first_of(":/"));
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

Handle Begin(const std::string& url, const std::string& ca_file, char* error) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  Handle handle(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (handle == nullptr) return handle;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, kWholeSeconds);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Drop);
  if (!ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
  }
  return handle;
}

absl::Status Outcome(CURLcode code, const char* error) {
  if (code == CURLE_OK) return absl::OkStatus();
  return absl::UnavailableError(error[0] != '\0' ? error
                                                 : curl_easy_strerror(code));
}

absl::Status Post(const WebhookTarget& target, const WebhookHeaders& headers,
                  const std::string& body) {
  char error[CURL_ERROR_SIZE] = "";
  const Handle handle = Begin(target.url, target.ca_file, error);
  if (handle == nullptr) return absl::InternalError("libcurl: cannot start");
  List lines;
  Add(&lines, "Content-Type: application/json");
  Add(&lines, "Expect:");
  for (const auto& [name, value] : headers) {
    Add(&lines, absl::StrCat(name, ": ", value));
  }
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "schoolgate-collector");
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  const absl::Status sent = Outcome(curl_easy_perform(curl), error);
  if (!sent.ok()) return sent;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // Also a redirect: where alerts go is decided in the configuration alone.
  return status / 100 == 2
             ? absl::OkStatus()
             : absl::UnavailableError(absl::StrCat("answered with ", status));
}

struct Upload {
  const std::string& text;
  size_t read = 0;
};

size_t ReadUpload(char* to, size_t size, size_t count, void* state) {
  auto& upload = *static_cast<Upload*>(state);
  const size_t bytes = std::min(size * count, upload.text.size() - upload.read);
  std::memcpy(to, upload.text.data() + upload.read, bytes);
  upload.read += bytes;
  return bytes;
}

absl::Status Mail(const MailServer& server, const std::string& to,
                  const std::string& message) {
  char error[CURL_ERROR_SIZE] = "";
  const Handle handle = Begin(server.url, server.ca_file, error);
  if (handle == nullptr) return absl::InternalError("libcurl: cannot start");
  CURL* curl = handle.get();
  List recipients;
  Add(&recipients, to);
  Upload upload{message};
  curl_easy_setopt(
      curl, CURLOPT_USE_SSL,
      static_cast<long>(IsHere(server.url) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  if (!server.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, server.from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &ReadUpload);
  curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
  return Outcome(curl_easy_perform(curl), error);
}

absl::Status CheckUrl(const std::string& url, const std::string& safe,
                      const std::string& other, bool other_needs_here) {
  if (absl::StartsWith(url, safe)) return absl::OkStatus();
  if (absl::StartsWith(url, other) && (!other_needs_here || IsHere(url))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(url, ": would send in the clear: it starts with ", safe));
}

}  // namespace

Wire CurlWire() { return {&Post, &Mail}; }

absl::Status CheckWebhookUrl(const std::string& url) {
  return CheckUrl(url, "https://", "http://", true);
}

absl::Status CheckMailUrl(const std::string& url) {
  // smtp:// to elsewhere is sent after STARTTLS or not at all.
  return CheckUrl(url, "smtps://", "smtp://", false);
}

}  // namespace schoolgate::collector
