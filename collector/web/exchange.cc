#include "collector/web/exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kBodyUsual = 64 << 10;
constexpr int kLargeBodies = 4;  // at a time: they lie in memory
constexpr size_t kPathLimit = 512;
constexpr size_t kHeadersLimit = 100;
constexpr size_t kLiveBlock = 4096;

// No script, style, picture or connection from anywhere but this server, no
// frame around it, and nothing kept on a shared machine's disk.
constexpr std::array<std::pair<const char*, const char*>, 9> kAlways = {{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; "
     "img-src 'self'; connect-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy",
     "camera=(), microphone=(), geolocation=(), display-capture=()"},
    {"X-Robots-Tag", "noindex, nofollow"},
}};

MHD_Result Collect(void* to, MHD_ValueKind, const char* name,
                   const char* value) {
  auto& map = *static_cast<std::map<std::string, std::string>*>(to);
  if (map.size() >= kHeadersLimit) return MHD_NO;
  map.emplace(absl::AsciiStrToLower(name), value == nullptr ? "" : value);
  return MHD_YES;
}

std::string AddressOf(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (info->client_addr->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(info->client_addr);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
  } else if (info->client_addr->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(info->client_addr);
    inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  }
  return text.data();
}

void Head(MHD_Response* response, const std::string& type) {
  MHD_add_response_header(response, "Content-Type", type.c_str());
  for (const auto& [name, value] : kAlways) {
    MHD_add_response_header(response, name, value);
  }
}

// What libmicrohttpd holds of one live feed.
struct LiveReader {
  std::shared_ptr<LiveViewer> viewer;
  MHD_Connection* connection;
};

ssize_t ReadLive(void* state, uint64_t, char* to, size_t limit) {
  auto& reader = *static_cast<LiveReader*>(state);
  bool asleep = false;
  MHD_Connection* connection = reader.connection;
  const size_t size = reader.viewer->Read(
      to, limit, [connection] { MHD_suspend_connection(connection); },
      [connection] { MHD_resume_connection(connection); }, &asleep);
  if (size != 0) return static_cast<ssize_t>(size);
  return asleep ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
}

void FreeLive(void* state) {
  auto* reader = static_cast<LiveReader*>(state);
  reader->viewer->Leave();
  delete reader;
}

}  // namespace

MHD_Result Exchange::OnRequest(void* site, MHD_Connection* connection,
                               const char* path, const char* method,
                               const char*, const char* upload,
                               size_t* upload_size, void** exchange) {
  if (*exchange == nullptr) {
    auto* fresh = new Exchange(*static_cast<Site*>(site), connection);
    *exchange = fresh;
    return fresh->Begin(path, method);
  }
  auto* self = static_cast<Exchange*>(*exchange);
  switch (self->stage_) {
    case Stage::kReading:
      return *upload_size != 0 ? self->Read(upload, upload_size)
                               : self->Handle();
    case Stage::kWaiting:
      return MHD_YES;
    case Stage::kReady:
      return self->Send();
  }
  return MHD_NO;
}

void Exchange::OnCompleted(void*, MHD_Connection*, void** exchange,
                           MHD_RequestTerminationCode) {
  auto* self = static_cast<Exchange*>(*exchange);
  if (self == nullptr) return;
  if (self->viewer_) self->viewer_->Leave();
  delete self;
  *exchange = nullptr;
}

MHD_Result Exchange::Begin(const char* path, const char* method) {
  request_.method = method;
  request_.path = std::string(path).substr(0, kPathLimit);
  request_.address = AddressOf(connection_);
  MHD_get_connection_values(connection_, MHD_HEADER_KIND, &Collect,
                            &request_.headers);
  MHD_get_connection_values(connection_, MHD_GET_ARGUMENT_KIND, &Collect,
                            &request_.query);
  if (site_.api.RefusesBody(request_)) {
    // The refusal goes on record where writing may take its time.
    site_.worker.Add(
        [&api = site_.api, request = request_] { (void)api.Answer(request); });
    response_ =
        Refusal(403, "not_your_role", "Your role does not include this page.");
    return Send();
  }
  body_limit_ = site_.api.BodyLimit(request_);
  if (body_limit_ > kBodyUsual) {
    large_ = true;
    busy_ = ++site_.large_bodies > kLargeBodies;
  }
  return MHD_YES;
}

Exchange::~Exchange() {
  if (large_) --site_.large_bodies;
}

MHD_Result Exchange::Read(const char* upload, size_t* upload_size) {
  if (busy_ || request_.body.size() + *upload_size > body_limit_) {
    too_large_ = true;
    request_.body.clear();
  }
  if (!too_large_) request_.body.append(upload, *upload_size);
  *upload_size = 0;
  return MHD_YES;
}

MHD_Result Exchange::Handle() {
  const std::string& path = request_.path;
  if (busy_) {
    response_ = Refusal(503, "busy", "The server is busy. Try again.");
    return Send();
  }
  if (too_large_) {
    response_ = Refusal(413, "too_large", "That is too much text.");
    return Send();
  }
  if (path == "/health" || path == "/healthz") {
    response_ = JsonAnswer({{"status", "up"}});
    return Send();
  }
  if (absl::StartsWith(path, "/api/") || absl::StartsWith(path, "/feed/") ||
      path == "/ready" || path == "/readyz") {
    return AnswerInTurn(WorkerFor(request_));
  }
  return SendFile();
}

Worker& Exchange::WorkerFor(const Request& request) {
  switch (Api::PaceOf(request)) {
    case Pace::kHashing:
      return site_.slow_worker;
    case Pace::kAsking:
      return site_.asking_worker;
    case Pace::kQuick:
      break;
  }
  return site_.worker;
}

MHD_Result Exchange::AnswerInTurn(Worker& worker) {
  stage_ = Stage::kWaiting;
  MHD_suspend_connection(connection_);
  const bool added = worker.Add([this] {
    if (request_.path == "/api/v1/live" && request_.method == "GET") {
      if (auto ticket = site_.api.AdmitLive(request_, &response_)) {
        viewer_ = site_.feed.Join(*std::move(ticket));
        if (!viewer_) response_ = Refusal(503, "busy", "Try again later.");
      }
    } else if (request_.path == "/ready" || request_.path == "/readyz") {
      response_ = site_.api.Ready();
    } else if (absl::StartsWith(request_.path, "/feed/")) {
      response_ = site_.api.AnswerFeed(request_);
    } else {
      response_ = site_.api.Answer(request_);
    }
    stage_ = Stage::kReady;
    MHD_resume_connection(connection_);
  });
  if (added) return MHD_YES;
  response_ = Refusal(503, "busy", "The server is busy. Try again.");
  stage_ = Stage::kReady;
  MHD_resume_connection(connection_);
  return MHD_YES;
}

MHD_Result Exchange::Send() {
  if (viewer_) return SendLive();
  MHD_Response* response = MHD_create_response_from_buffer(
      response_.body.size(), response_.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  Head(response, response_.type);
  MHD_add_response_header(response, "Cache-Control", "no-store");
  for (const auto& [name, value] : response_.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  return Queue(response_.status, response);
}

MHD_Result Exchange::SendFile() {
  const bool get = request_.method == "GET" || request_.method == "HEAD";
  const StaticFile* file = get ? site_.files.Find(request_.path) : nullptr;
  if (file == nullptr) {
    response_ = get ? Refusal(404, "not_found", "There is no such page.")
                    : Refusal(405, "wrong_method", "This cannot be done here.");
    return Send();
  }
  const bool same = request_.Header("if-none-match") == file->etag;
  const bool gzip =
      !file->gzip.empty() &&
      absl::StrContains(request_.Header("accept-encoding"), "gzip");
  const std::string& body = gzip ? file->gzip : file->body;
  MHD_Response* response = MHD_create_response_from_buffer(
      same ? 0 : body.size(), const_cast<char*>(body.data()),
      MHD_RESPMEM_PERSISTENT);
  if (response == nullptr) return MHD_NO;
  Head(response, file->type);
  MHD_add_response_header(response, "ETag", file->etag.c_str());
  MHD_add_response_header(response, "Vary", "Accept-Encoding");
  MHD_add_response_header(
      response, "Cache-Control",
      file->for_ever ? "public, max-age=31536000, immutable" : "no-cache");
  if (gzip && !same) {
    MHD_add_response_header(response, "Content-Encoding", "gzip");
  }
  return Queue(same ? 304 : 200, response);
}

MHD_Result Exchange::SendLive() {
  auto* reader = new LiveReader{viewer_, connection_};
  MHD_Response* response = MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, kLiveBlock, &ReadLive, reader, &FreeLive);
  if (response == nullptr) {
    delete reader;
    return MHD_NO;
  }
  Head(response, "text/event-stream");
  MHD_add_response_header(response, "Cache-Control", "no-store");
  return Queue(200, response);
}

MHD_Result Exchange::Queue(int status, MHD_Response* response) {
  const MHD_Result queued =
      MHD_queue_response(connection_, static_cast<unsigned>(status), response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace schoolgate::collector
