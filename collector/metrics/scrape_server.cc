#include "collector/metrics/scrape_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr unsigned kIdleSeconds = 30;
constexpr size_t kConnectionBytes = 16 << 10;

class PlainServer : public ScrapeServer {
 public:
  explicit PlainServer(Answer answer) : answer_(std::move(answer)) {}
  ~PlainServer() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  absl::Status Listen(const std::string& host, uint16_t port) {
    sockaddr_storage bytes{};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&bytes);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&bytes);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      flags |= MHD_USE_IPv6;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          host, ": not an address in numbers: use for example 127.0.0.1"));
    }
    errno = 0;
    daemon_ = MHD_start_daemon(
        flags, port, nullptr, nullptr, &PlainServer::OnRequest, this,
        MHD_OPTION_SOCK_ADDR, reinterpret_cast<sockaddr*>(&bytes),
        MHD_OPTION_CONNECTION_LIMIT, kMostConnections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,
        MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_END);
    if (daemon_ == nullptr) {
      return absl::UnavailableError(absl::StrCat(
          "metrics on ", host, ":", port, ": cannot listen (", strerror(errno),
          "): choose another address with metrics in collector.yaml"));
    }
    const MHD_DaemonInfo* info =
        MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
    port_ = info == nullptr ? port : info->port;
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection,
                              const char* path, const char* method, const char*,
                              const char*, size_t* upload_size, void** seen) {
    // The first call of each request has the headers only.
    if (*seen == nullptr) {
      *seen = self;
      return MHD_YES;
    }
    if (*upload_size != 0) {
      *upload_size = 0;
      return MHD_YES;
    }
    const std::string verb = method;
    ScrapeAnswer answer;
    if (verb == "GET" || verb == "HEAD") {
      answer = static_cast<PlainServer*>(self)->answer_(path);
    } else {
      answer = {405, answer.type, "only GET\n"};
    }
    MHD_Response* response = MHD_create_response_from_buffer(
        answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", answer.type.c_str());
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    const MHD_Result queued = MHD_queue_response(
        connection, static_cast<unsigned>(answer.status), response);
    MHD_destroy_response(response);
    return queued;
  }

  const Answer answer_;
  MHD_Daemon* daemon_ = nullptr;
  uint16_t port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ScrapeServer>> ScrapeServer::Start(
    const std::string& host, uint16_t port, Answer answer) {
  auto server = std::make_unique<PlainServer>(std::move(answer));
  const absl::Status status = server->Listen(host, port);
  if (!status.ok()) return status;
  return server;
}

}  // namespace schoolgate::collector
