// How feeds get out: HTTPS and SMTP.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace schoolgate::collector {

struct WebhookTarget {
  std::string name;     // "cpoms"
  std::string account;  // it gets what this account may see
  std::string url;      // https://; http:// to this machine only
  std::string secret;   // key of the HMAC
  std::string ca_file;  // empty: the system's authorities
};

struct MailServer {
  std::string url;  // smtps://host:465, or smtp://host:587 with STARTTLS
  std::string from;
  std::string user, password;  // empty: none
  std::string ca_file;
};

using WebhookHeaders = std::vector<std::pair<std::string, std::string>>;

// Functions, so that a test can refuse, delay and count. Thread-safe; each
// takes some seconds at most.
struct Wire {
  // OK: answered with 2xx.
  std::function<absl::Status(const WebhookTarget& target,
                             const WebhookHeaders& headers,
                             const std::string& body)>
      post;
  // OK: the server took it. `message`: RFC 5322, lines ended by CR LF.
  std::function<absl::Status(const MailServer& server, const std::string& to,
                             const std::string& message)>
      mail;
};

Wire CurlWire();

// INVALID_ARGUMENT for a URL that would send in the clear over a network.
absl::Status CheckWebhookUrl(const std::string& url);
absl::Status CheckMailUrl(const std::string& url);

}  // namespace schoolgate::collector
