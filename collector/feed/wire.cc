#include "collector/feed/wire.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/outbound/curl_handle.h"
#include "collector/outbound/url.h"

namespace schoolgate::collector {
namespace {

constexpr char kProtocols[] = "http,https,smtp,smtps";

size_t Drop(char*, size_t size, size_t count, void*) { return size * count; }

absl::Status Post(const WebhookTarget& target, const WebhookHeaders& headers,
                  const std::string& body) {
  char error[CURL_ERROR_SIZE] = "";
  const CurlHandle handle =
      BeginCurl(target.url, kProtocols, target.ca_file, error);
  if (handle == nullptr) return absl::InternalError("libcurl: cannot start");
  CurlList lines;
  AddLine(&lines, "Content-Type: application/json");
  AddLine(&lines, "Expect:");
  for (const auto& [name, value] : headers) {
    AddLine(&lines, absl::StrCat(name, ": ", value));
  }
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Drop);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "schoolgate-collector");
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  const absl::Status sent = CurlOutcome(curl_easy_perform(curl), error);
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
  const CurlHandle handle =
      BeginCurl(server.url, kProtocols, server.ca_file, error);
  if (handle == nullptr) return absl::InternalError("libcurl: cannot start");
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Drop);
  CurlList recipients;
  AddLine(&recipients, to);
  Upload upload{message};
  curl_easy_setopt(
      curl, CURLOPT_USE_SSL,
      static_cast<long>(IsThisMachine(HostOfUrl(server.url)) ? CURLUSESSL_TRY
                                                             : CURLUSESSL_ALL));
  if (!server.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, server.from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &ReadUpload);
  curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
  return CurlOutcome(curl_easy_perform(curl), error);
}

absl::Status CheckUrl(const std::string& url, const std::string& safe,
                      const std::string& other, bool other_needs_here) {
  if (absl::StartsWith(url, safe)) return absl::OkStatus();
  if (absl::StartsWith(url, other) &&
      (!other_needs_here || IsThisMachine(HostOfUrl(url)))) {
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
