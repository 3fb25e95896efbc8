// Alerts out of the house: webhooks for case systems, mails for people. Each
// feed sees what one account may see, so that nobody is told of an alert about
// themselves. docs/feeds.md has the formats.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/feed/wire.h"
#include "collector/policy/school_policies.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/feed_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {

struct MailRecipient {
  std::string account;
  std::string address;
  bool urgent = true;
  bool digest = true;
};

struct OutgoingConfig {
  std::string dashboard;  // "https://schoolgate.oak.test:4443", for links
  std::vector<WebhookTarget> webhooks;
  std::optional<MailServer> mail;
  std::vector<MailRecipient> recipients;
  absl::Duration digest_at = absl::Hours(7) + absl::Minutes(30);  // local
  absl::TimeZone zone = absl::UTCTimeZone();
};

struct OutgoingStores {
  AlertStore& alerts;
  AccountStore& accounts;
  AuditLog& audit;
  FeedStore& feeds;
  AgreementStore* agreements = nullptr;      // kinds that wait for the digest
  const SchoolPolicies* policies = nullptr;  // who is told; null: none
};

// A failed delivery is tried again after 5 s, then twice as long each time, up
// to an hour; after 16 tries it is a dead letter and the feed goes on.
inline constexpr uint32_t kMostAttempts = 16;
absl::Duration WaitAfterAttempts(uint32_t attempts);

// Thread-safe. A feed that is new starts with what happens from then on.
class OutgoingFeeds {
 public:
  OutgoingFeeds(OutgoingStores stores, OutgoingConfig config, Wire wire,
                const platform::Clock& clock);
  ~OutgoingFeeds();

  // Delivers what is due, when it is this collector's turn. Called by Start's
  // thread, or by a test.
  void Step();

  void Start();
  // May take as long as the delivery that is under way.
  void Stop();

 private:
  void Run();
  std::optional<FeedProgress> Begin(const std::string& name);
  void StepWebhook(const WebhookTarget& target);
  void StepUrgent(const MailRecipient& recipient);
  void StepDigest(const MailRecipient& recipient);
  // Whether the feed may go on to what comes next.
  bool Deliver(const v1::Alert& alert, const WebhookTarget& target,
               const Account& reader, FeedProgress* progress);
  bool Failed(const absl::Status& why, const v1::Alert* alert,
              FeedProgress* progress);
  absl::Status Record(const std::string& action, const std::string& about,
                      const std::string& detail);
  absl::Status Send(const MailRecipient& recipient, const std::string& subject,
                    const std::string& text);

  OutgoingStores stores_;
  const OutgoingConfig config_;
  const Wire wire_;
  const platform::Clock& clock_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace schoolgate::collector
