// The HTTPS server of the dashboard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/oidc/provider.h"
#include "collector/web/api.h"
#include "collector/web/stores.h"
#include "platform/clock.h"

namespace schoolgate::collector {

struct WebOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, in numbers
  uint16_t port = 0;                  // 0: any free one
  std::string certificate_file;       // PEM, with its chain
  std::string key_file;               // PEM
  std::string static_directory;       // empty: DefaultDashboardDirectory()
  NoticeFacts notice;
  absl::Duration idle_limit = absl::Minutes(10);
  absl::Duration session_limit = absl::Hours(10);
  OidcConfig oidc;  // without an issuer: nobody logs in elsewhere
  std::string oidc_secret;
};

// Closed by its destructor, which ends all connections.
class WebServer {
 public:
  virtual ~WebServer() = default;

  virtual uint16_t port() const = 0;
  virtual size_t live_viewers() const = 0;
  virtual const ApiCounters& counters() const = 0;

  // New connections are shown this certificate; those that are open stay, and
  // nobody is logged out. On an error everything is as before.
  virtual absl::Status RenewCertificate(const std::string& certificate_file,
                                        const std::string& key_file) = 0;

  // Ends all connections; takes at most some seconds. May be called twice.
  // To be called before the stores are closed.
  virtual void Stop() = 0;
};

// Stores and clock must outlive the server. INVALID_ARGUMENT: certificate,
// key or address unusable. NOT_FOUND: a file is missing. UNAVAILABLE: the
// port is taken.
absl::StatusOr<std::unique_ptr<WebServer>> StartWebServer(
    const WebOptions& options, Stores stores, const platform::Clock& clock);

// ../dashboard beside the program's own directory when it is there, else
// /usr/share/schoolgate/dashboard.
std::string DefaultDashboardDirectory();

}  // namespace schoolgate::collector
