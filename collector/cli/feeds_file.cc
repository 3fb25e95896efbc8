#include "collector/cli/feeds_file.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "collector/fleet/secret_file.h"
#include "platform/yaml/yaml_reader.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kShortestSecret = 16;
constexpr size_t kMostFeeds = 50;

class FeedsReader : platform::YamlReader {
 public:
  explicit FeedsReader(std::string file)
      : YamlReader(std::move(file), "docs/feeds.md") {}

  absl::StatusOr<OutgoingConfig> Read(const std::string& text) {
    OutgoingConfig config;
    const absl::Status status =
        ReadAll(text, [&](const YAML::Node& root) { ReadRoot(root, &config); });
    if (!status.ok()) return status;
    return config;
  }

 private:
  void ReadRoot(const YAML::Node& root, OutgoingConfig* config) {
    Map(root, {{"dashboard", Text(&config->dashboard)},
               {"mail", [&](const auto& node) { ReadMail(node, config); }},
               {"webhooks", [&](const auto& node) {
                  Few(node, [&](const YAML::Node& item) {
                    ReadWebhook(item, &config->webhooks.emplace_back());
                  });
                }}});
    while (absl::EndsWith(config->dashboard, "/")) config->dashboard.pop_back();
  }

  void ReadMail(const YAML::Node& node, OutgoingConfig* config) {
    MailServer& server = config->mail.emplace();
    std::string digest_at = "07:30";
    Map(node, {{"server", Text(&server.url)},
               {"from", Address(&server.from)},
               {"user", Text(&server.user)},
               {"password_file", Secret(&server.password, 1)},
               {"ca_file", Text(&server.ca_file)},
               {"digest_at", Text(&digest_at)},
               {"recipients", [&](const auto& list) {
                  Few(list, [&](const YAML::Node& item) {
                    ReadRecipient(item, &config->recipients.emplace_back());
                  });
                }}});
    if (server.from.empty()) Wrong(node, "mail needs `from`");
    if (const absl::Status url = CheckMailUrl(server.url); !url.ok()) {
      Wrong(node, std::string(url.message()));
    }
    const std::vector<std::string> parts = absl::StrSplit(digest_at, ':');
    int hour = 0, minute = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &hour) ||
        !absl::SimpleAtoi(parts[1], &minute) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59) {
      Wrong(node, "digest_at is a time like \"07:30\", in quotes");
    }
    config->digest_at = absl::Hours(hour) + absl::Minutes(minute);
  }

  void ReadRecipient(const YAML::Node& node, MailRecipient* recipient) {
    Map(node, {{"account", Text(&recipient->account)},
               {"address", Address(&recipient->address)},
               {"urgent", Flag(&recipient->urgent)},
               {"digest", Flag(&recipient->digest)}});
    if (recipient->account.empty() || recipient->address.empty()) {
      Wrong(node, "a recipient needs `account` and `address`");
    }
  }

  void ReadWebhook(const YAML::Node& node, WebhookTarget* target) {
    Map(node, {{"name", Text(&target->name)},
               {"account", Text(&target->account)},
               {"url", Text(&target->url)},
               {"secret_file", Secret(&target->secret, kShortestSecret)},
               {"ca_file", Text(&target->ca_file)}});
    if (target->name.empty() || target->account.empty() ||
        target->secret.empty()) {
      Wrong(node, "a webhook needs `name`, `account`, `url`, `secret_file`");
    }
    if (const absl::Status url = CheckWebhookUrl(target->url); !url.ok()) {
      Wrong(node, std::string(url.message()));
    }
  }

  void Few(const YAML::Node& node, const Setter& each) {
    if (node.size() > kMostFeeds) {
      return Wrong(node, absl::StrCat("at most ", kMostFeeds, " of them"));
    }
    List(node, each);
  }

  Setter Address(std::string* to) {
    return [this, to](const YAML::Node& node) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      if (!absl::StrContains(text, '@') ||
          text.find_first_of(" <>\r\n") != std::string::npos) {
        return Wrong(node, "expected an address like lead@school.example");
      }
      *to = text;
    };
  }

  Setter Secret(std::string* to, size_t shortest) {
    return [this, to, shortest](const YAML::Node& node) {
      const auto read = ReadSmallFile(node.IsScalar() ? node.Scalar() : "");
      if (!read.ok()) return Wrong(node, std::string(read.status().message()));
      *to = std::string(absl::StripSuffix(*read, "\n"));
      if (to->size() < shortest) {
        Wrong(node, absl::StrCat("the secret is shorter than ", shortest,
                                 " characters"));
      }
    };
  }
};

}  // namespace

absl::StatusOr<OutgoingConfig> LoadFeeds(const DataDirectory& directory,
                                         absl::TimeZone zone) {
  const absl::StatusOr<std::string> text = ReadSmallFile(directory.Feeds());
  OutgoingConfig none;
  none.zone = zone;
  if (absl::IsNotFound(text.status())) return none;
  if (!text.ok()) return text.status();
  absl::StatusOr<OutgoingConfig> config =
      FeedsReader(directory.Feeds()).Read(*text);
  if (config.ok()) config->zone = zone;
  return config;
}

}  // namespace schoolgate::collector
