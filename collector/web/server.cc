#include "collector/web/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "collector/web/api.h"
#include "collector/web/exchange.h"
#include "collector/web/live.h"
#include "collector/web/static_files.h"
#include "collector/web/workers.h"
#include "platform/whole_file.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPemLimit = 256 << 10;
constexpr unsigned kConnections = 2000;
constexpr unsigned kConnectionsPerAddress = 1000;  // a school is one address
constexpr size_t kConnectionBytes = 24 << 10;      // headers and buffers
constexpr unsigned kIdleSeconds = 90;
constexpr size_t kQueue = 500;
constexpr size_t kSlowQueue = 50;

// TLS 1.3, or 1.2 with forward secrecy.
constexpr char kTls[] =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:"
    "-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:"
    "%SERVER_PRECEDENCE";

class HttpsServer : public WebServer {
 public:
  HttpsServer(const WebOptions& options, Stores stores,
              const platform::Clock& clock, StaticFiles files)
      : files_(std::move(files)),
        api_(stores, options.notice,
             SessionLimits{.idle = options.idle_limit,
                           .longest = options.session_limit},
             clock),
        feed_(stores.alerts, api_, clock),
        worker_(kQueue),
        slow_worker_(kSlowQueue),
        site_{files_, api_, feed_, worker_, slow_worker_} {}

  ~HttpsServer() override { Stop(); }

  absl::Status Start(const WebOptions& options, const std::string& certificate,
                     const std::string& key);

  uint16_t port() const override { return port_; }
  size_t live_viewers() const override { return feed_.viewers(); }
  void Stop() override;

 private:
  StaticFiles files_;
  Api api_;
  mutable LiveFeed feed_;
  Worker worker_, slow_worker_;
  Site site_;
  MHD_Daemon* daemon_ = nullptr;
  uint16_t port_ = 0;
};

struct SocketAddress {
  sockaddr_storage bytes{};
  bool v6 = false;
};

absl::StatusOr<SocketAddress> ParseAddress(const std::string& text,
                                           uint16_t port) {
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.bytes);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.bytes);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.v6 = true;
    return address;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      text, ": not an address in numbers: use for example 127.0.0.1"));
}

absl::Status HttpsServer::Start(const WebOptions& options,
                                const std::string& certificate,
                                const std::string& key) {
  auto address = ParseAddress(options.address, options.port);
  if (!address.ok()) return address.status();
  const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS |
                         MHD_ALLOW_SUSPEND_RESUME |
                         (address->v6 ? MHD_USE_IPv6 : 0);
  // The log's text would hold addresses and TLS noise; failures are counted.
  errno = 0;
  daemon_ = MHD_start_daemon(
      flags, options.port, nullptr, nullptr, &Exchange::OnRequest, &site_,
      MHD_OPTION_SOCK_ADDR, reinterpret_cast<sockaddr*>(&address->bytes),
      MHD_OPTION_HTTPS_MEM_CERT, certificate.c_str(), MHD_OPTION_HTTPS_MEM_KEY,
      key.c_str(), MHD_OPTION_HTTPS_PRIORITIES, kTls,
      MHD_OPTION_NOTIFY_COMPLETED, &Exchange::OnCompleted, nullptr,
      MHD_OPTION_CONNECTION_LIMIT, kConnections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, kConnectionsPerAddress,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    if (errno == EADDRINUSE) {
      return absl::UnavailableError(
          absl::StrCat("port ", options.port, " on ", options.address,
                       ": in use by another program: choose another port"));
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "dashboard on ", options.address, ":", options.port, ": cannot start (",
        errno != 0 ? strerror(errno) : "TLS",
        "): check the address, and that certificate and key belong together"));
  }
  const MHD_DaemonInfo* info =
      MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
  port_ = info == nullptr ? options.port : info->port;
  return absl::OkStatus();
}

// First whoever could wake a connection, then the connections: libmicrohttpd
// must not be stopped while one of them sleeps.
void HttpsServer::Stop() {
  feed_.Stop();
  site_.stopping = true;
  slow_worker_.Stop();
  worker_.Stop();
  // A page may have asked for a feed meanwhile: Join refuses after Stop.
  if (daemon_ != nullptr) MHD_stop_daemon(std::exchange(daemon_, nullptr));
}

}  // namespace

std::string DefaultDashboardDirectory() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto beside = program.parent_path().parent_path() / "dashboard";
    if (std::filesystem::exists(beside / "index.html", error)) {
      return beside.string();
    }
  }
  return "/usr/share/schoolgate/dashboard";
}

absl::StatusOr<std::unique_ptr<WebServer>> StartWebServer(
    const WebOptions& options, Stores stores, const platform::Clock& clock) {
  if (sodium_init() < 0) return absl::InternalError("libsodium: cannot start");
  auto certificate =
      platform::ReadWholeFile(options.certificate_file, kPemLimit);
  if (!certificate.ok()) return certificate.status();
  auto key = platform::ReadWholeFile(options.key_file, kPemLimit);
  if (!key.ok()) return key.status();
  auto files = StaticFiles::Load(options.static_directory.empty()
                                     ? DefaultDashboardDirectory()
                                     : options.static_directory);
  if (!files.ok()) return files.status();
  auto server =
      std::make_unique<HttpsServer>(options, stores, clock, *std::move(files));
  const absl::Status started = server->Start(options, *certificate, *key);
  sodium_memzero(key->data(), key->size());
  if (!started.ok()) return started;
  return server;
}

}  // namespace schoolgate::collector
