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

// What TLS shows. Its key is wiped when it goes.
struct TlsFiles {
  std::string certificate, key;

  static absl::StatusOr<std::unique_ptr<TlsFiles>> Read(
      const std::string& certificate_file, const std::string& key_file) {
    auto certificate = platform::ReadWholeFile(certificate_file, kPemLimit);
    if (!certificate.ok()) return certificate.status();
    auto key = platform::ReadWholeFile(key_file, kPemLimit);
    if (!key.ok()) return key.status();
    return std::unique_ptr<TlsFiles>(
        new TlsFiles{*std::move(certificate), *std::move(key)});
  }
  ~TlsFiles() { sodium_memzero(key.data(), key.size()); }
};

class HttpsServer : public WebServer {
 public:
  HttpsServer(const WebOptions& options, Stores stores,
              const platform::Clock& clock, StaticFiles files)
      : files_(std::move(files)),
        api_(stores, options.notice,
             SessionLimits{.idle = options.idle_limit,
                           .longest = options.session_limit},
             clock, Directory(options, clock)),
        feed_(stores.alerts, api_, clock),
        worker_(kQueue),
        slow_worker_(kSlowQueue),
        asking_worker_(kSlowQueue),
        site_{files_, api_, feed_, worker_, slow_worker_, asking_worker_} {}

  ~HttpsServer() override { Stop(); }

  absl::Status Start(const WebOptions& options);

  uint16_t port() const override { return port_; }
  size_t live_viewers() const override { return feed_.viewers(); }
  const ApiCounters& counters() const override { return api_.counters(); }
  absl::Status RenewCertificate(const std::string& certificate_file,
                                const std::string& key_file) override;
  void Stop() override;

 private:
  static std::unique_ptr<OidcProvider> Directory(const WebOptions& options,
                                                 const platform::Clock& clock) {
    if (options.oidc.issuer.empty()) return nullptr;
    return std::make_unique<OidcProvider>(options.oidc, options.oidc_secret,
                                          CurlFetch(), clock);
  }

  // Of the earlier ones those that nobody uses any more.
  void EndIdle() {
    std::erase_if(earlier_, [](MHD_Daemon* daemon) {
      const MHD_DaemonInfo* info =
          MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
      if (info == nullptr || info->num_connections > 0) return false;
      MHD_stop_daemon(daemon);
      return true;
    });
  }

  StaticFiles files_;
  Api api_;
  mutable LiveFeed feed_;
  Worker worker_, slow_worker_, asking_worker_;
  Site site_;
  MHD_Daemon* daemon_ = nullptr;
  // Quiet since the certificate was renewed: only what was open goes on.
  std::vector<MHD_Daemon*> earlier_;
  std::string certificate_;  // that is shown
  bool v6_ = false;
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

// Where to listen: an address, or (when it is open already) a socket.
MHD_Daemon* StartDaemon(Site& site, const TlsFiles& tls, bool v6,
                        MHD_OptionItem where) {
  const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS |
                         MHD_ALLOW_SUSPEND_RESUME | (v6 ? MHD_USE_IPv6 : 0);
  MHD_OptionItem options[] = {where, {MHD_OPTION_END, 0, nullptr}};
  // The log's text would hold addresses and TLS noise; failures are counted.
  errno = 0;
  return MHD_start_daemon(
      flags, 0, nullptr, nullptr, &Exchange::OnRequest, &site,
      MHD_OPTION_HTTPS_MEM_CERT, tls.certificate.c_str(),
      MHD_OPTION_HTTPS_MEM_KEY, tls.key.c_str(), MHD_OPTION_HTTPS_PRIORITIES,
      kTls, MHD_OPTION_NOTIFY_COMPLETED, &Exchange::OnCompleted, nullptr,
      MHD_OPTION_CONNECTION_LIMIT, kConnections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, kConnectionsPerAddress,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_ARRAY, options,
      MHD_OPTION_END);
}

absl::Status HttpsServer::Start(const WebOptions& options) {
  auto address = ParseAddress(options.address, options.port);
  if (!address.ok()) return address.status();
  auto tls = TlsFiles::Read(options.certificate_file, options.key_file);
  if (!tls.ok()) return tls.status();
  v6_ = address->v6;
  certificate_ = (*tls)->certificate;
  daemon_ = StartDaemon(site_, **tls, v6_,
                        {MHD_OPTION_SOCK_ADDR, 0, &address->bytes});
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

absl::Status HttpsServer::RenewCertificate(const std::string& certificate_file,
                                           const std::string& key_file) {
  auto tls = TlsFiles::Read(certificate_file, key_file);
  if (!tls.ok()) return tls.status();
  if ((*tls)->certificate == certificate_) return absl::OkStatus();
  // Once the port is handed on there is no way back: first try elsewhere.
  auto elsewhere = ParseAddress("127.0.0.1", 0);
  MHD_Daemon* trial = StartDaemon(site_, **tls, false,
                                  {MHD_OPTION_SOCK_ADDR, 0, &elsewhere->bytes});
  if (trial == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(certificate_file, ": cannot be used: check that it and ",
                     key_file, " belong together"));
  }
  MHD_stop_daemon(trial);
  const MHD_socket listening = MHD_quiesce_daemon(daemon_);
  if (listening == MHD_INVALID_SOCKET) {
    return absl::InternalError("dashboard: cannot hand its port on");
  }
  MHD_Daemon* fresh = StartDaemon(
      site_, **tls, v6_, {MHD_OPTION_LISTEN_SOCKET, listening, nullptr});
  if (fresh == nullptr) {
    return absl::InternalError(
        "dashboard: cannot open its port again: restart the collector");
  }
  certificate_ = (*tls)->certificate;
  EndIdle();
  earlier_.push_back(std::exchange(daemon_, fresh));
  return absl::OkStatus();
}

// First whoever could wake a connection, then the connections: libmicrohttpd
// must not be stopped while one of them sleeps.
void HttpsServer::Stop() {
  feed_.Stop();
  site_.stopping = true;
  asking_worker_.Stop();
  slow_worker_.Stop();
  worker_.Stop();
  // A page may have asked for a feed meanwhile: Join refuses after Stop.
  for (MHD_Daemon* daemon : std::exchange(earlier_, {})) {
    MHD_stop_daemon(daemon);
  }
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
  auto files = StaticFiles::Load(options.static_directory.empty()
                                     ? DefaultDashboardDirectory()
                                     : options.static_directory);
  if (!files.ok()) return files.status();
  auto server =
      std::make_unique<HttpsServer>(options, stores, clock, *std::move(files));
  const absl::Status started = server->Start(options);
  if (!started.ok()) return started;
  return server;
}

}  // namespace schoolgate::collector
