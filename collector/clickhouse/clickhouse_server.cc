#include "collector/clickhouse/clickhouse_server.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr long kConnectMilliseconds = 2000;
constexpr size_t kMostIdle = 8;
constexpr size_t kLongestWhy = 300;

// Errors after which nothing was stored for certain: the server says them
// before it writes. After any other, an insert may have been done.
constexpr std::array kBeforeWriting = {
    60,   // no such table
    62,   // syntax
    81,   // no such database
    164,  // may only read
    192,  // unknown user
    193,  // wrong password
    194,  // no password
    202,  // too many at once
    242,  // its table only reads now: it has lost its keeper
    252,  // too many parts
    285,  // too few replicas live
    286,  // the block before has not got its quorum yet
    497,  // not allowed
    516,  // not this user, or not this password
};

struct CurlEnds {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, CurlEnds>;

void Add(List* list, const std::string& line) {
  list->reset(curl_slist_append(list->release(), line.c_str()));
}

struct Answer {
  std::string bytes;
  bool too_long = false;
};

size_t Collect(char* bytes, size_t size, size_t count, void* state) {
  auto& answer = *static_cast<Answer*>(state);
  if (size * count > ClickHouseServer::kMostAnswerBytes - answer.bytes.size()) {
    answer.too_long = true;
    return 0;
  }
  answer.bytes.append(bytes, size * count);
  return size * count;
}

std::string Encoded(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
        (byte >= '0' && byte <= '9') || byte == '_' || byte == '-') {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

// "Code: 60, e.displayText() = ..." (18.16), "Code: 60. DB::Exception: ...".
int CodeOf(const std::string& body) {
  constexpr size_t kPrefix = 6, kMostDigits = 6;
  if (!absl::StartsWith(body, "Code: ")) return 0;
  int code = 0;
  for (size_t i = kPrefix; i < body.size() && i < kPrefix + kMostDigits; ++i) {
    if (body[i] < '0' || body[i] > '9') break;
    code = code * 10 + (body[i] - '0');
  }
  return code;
}

// One line, and no longer than a person reads.
std::string Why(const std::string& body) {
  std::string why = body.substr(0, std::min(body.find('\n'), kLongestWhy));
  const size_t end = why.find(", e.what()");
  return end == std::string::npos ? why : why.substr(0, end);
}

absl::Status StatusOf(int code, const std::string& what) {
  switch (code) {
    case 164:
    case 192:
    case 193:
    case 194:
    case 497:
    case 516:
      return absl::PermissionDeniedError(absl::StrCat(
          what, ": check user and password_file in collector.yaml"));
    case 62:
    case 47:  // unknown column
      return absl::InternalError(what);
    case 158:  // too many rows
    case 241:  // memory
    case 243:  // disk
    case 396:  // too many rows or bytes in an answer
      return absl::ResourceExhaustedError(what);
    default:
      return absl::UnavailableError(what);
  }
}

ClickHouseReply Judge(const std::string& url, long http, std::string answer) {
  constexpr long kGood = 200;
  if (http == kGood) return {absl::OkStatus(), 0, false, std::move(answer)};
  const int code = CodeOf(answer);
  const bool before = std::find(kBeforeWriting.begin(), kBeforeWriting.end(),
                                code) != kBeforeWriting.end();
  return {
      StatusOf(code, absl::StrCat("ClickHouse ", url, ": ",
                                  answer.empty() ? absl::StrCat("HTTP ", http)
                                                 : Why(answer))),
      code, !before, ""};
}

}  // namespace

ClickHouseServer::ClickHouseServer(std::string url, ClickHouseLogin login)
    : url_(std::move(url)), login_(std::move(login)) {
  // Before any other thread can be at it.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)started;
}

ClickHouseServer::~ClickHouseServer() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

void* ClickHouseServer::Take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return curl_easy_init();
  void* handle = idle_.back();
  idle_.pop_back();
  curl_easy_reset(handle);  // its connections stay
  return handle;
}

void ClickHouseServer::GiveBack(void* handle) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) {
      idle_.push_back(handle);
      return;
    }
  }
  curl_easy_cleanup(handle);
}

ClickHouseReply ClickHouseServer::Ask(const std::string& sql,
                                      const ClickHouseSettings& settings,
                                      absl::Duration limit) {
  return Post("", sql, settings, limit);
}

ClickHouseReply ClickHouseServer::Insert(const std::string& sql,
                                         std::string_view rows,
                                         const ClickHouseSettings& settings,
                                         absl::Duration limit) {
  ClickHouseReply reply = Post(sql, rows, settings, limit);
  if (reply.status.ok() && !reply.body.empty()) {
    reply.status = absl::UnavailableError(
        absl::StrCat(url_, ": said to an insert: ", Why(reply.body)));
    reply.unsure = true;
  }
  return reply;
}

void ClickHouseServer::Prepare(void* handle, absl::Duration limit) const {
  CURL* curl = handle;
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMilliseconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(limit)));
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (!login_.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, login_.ca_file.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "schoolgate-collector");
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Collect);
}

ClickHouseReply ClickHouseServer::Post(const std::string& query,
                                       std::string_view body,
                                       const ClickHouseSettings& settings,
                                       absl::Duration limit) {
  CURL* curl = Take();
  if (curl == nullptr) return {absl::InternalError("libcurl: cannot start")};
  Prepare(curl, limit);
  std::string url = url_ + "/?wait_end_of_query=1";
  if (!query.empty()) absl::StrAppend(&url, "&query=", Encoded(query));
  for (const auto& [name, value] : settings) {
    absl::StrAppend(&url, "&", name, "=", Encoded(value));
  }
  List lines;
  // In headers: what is in the address ends in logs.
  Add(&lines, "X-ClickHouse-User: " + login_.user);
  if (!login_.password.empty()) {
    Add(&lines, "X-ClickHouse-Key: " + login_.password);
  }
  Add(&lines, "Content-Type: application/octet-stream");
  Add(&lines, "Expect:");
  char error[CURL_ERROR_SIZE] = "";
  Answer answer;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  const CURLcode done = curl_easy_perform(curl);
  long http = 0;
  curl_off_t ready_us = 0;  // 0: no connection came about
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
  GiveBack(curl);
  if (done == CURLE_OK) return Judge(url_, http, std::move(answer.bytes));
  const std::string what =
      absl::StrCat("ClickHouse ", url_, ": ",
                   answer.too_long    ? "its answer is too long"
                   : error[0] != '\0' ? error
                                      : curl_easy_strerror(done));
  if (answer.too_long) return {absl::ResourceExhaustedError(what)};
  return {absl::UnavailableError(absl::StrCat(
              what, ": check the server, and clickhouse in collector.yaml")),
          0, ready_us > 0, ""};
}

}  // namespace schoolgate::collector
