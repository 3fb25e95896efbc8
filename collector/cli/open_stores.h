// Opens a collector's stores where its configuration says they are: in the
// data directory, or in a database that several collectors share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/cli/data_directory.h"
#include "collector/clickhouse/clickhouse_counters.h"
#include "collector/ingest/refused_records.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/attachment_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "collector/store/feed_store.h"
#include "collector/store/held_events.h"
#include "collector/store/identity_store.h"
#include "collector/store/passing_store.h"
#include "collector/store/second_factor_store.h"

namespace schoolgate::collector {

struct OwnStores {
  // What ClickHouse does, when events lie there; borrowed by `events`.
  std::unique_ptr<ClickHouseCounters> clickhouse;
  std::unique_ptr<EventStore> events;
  std::unique_ptr<DeviceStore> devices;
  std::unique_ptr<AlertStore> alerts;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AccountStore> accounts;
  std::unique_ptr<RefusedRecords> refused;
  std::unique_ptr<HeldEvents> held;
  std::unique_ptr<FeedStore> feeds;
  std::unique_ptr<SecondFactorStore> second_factors;
  std::unique_ptr<AgreementStore> agreements;
  std::unique_ptr<IdentityStore> identities;
  std::unique_ptr<AttachmentStore> attachments;
  std::unique_ptr<PassingStore> passing;
};

// All of them, for the one process that serves this directory. An audit log
// that was not signed yet is.
absl::Status OpenStores(const DataDirectory& directory,
                        const CollectorConfig& config, OwnStores* stores);

// One of them, for a command, also while the collector runs. The
// configuration is read for it: its mistakes are returned.
absl::StatusOr<std::unique_ptr<DeviceStore>> OpenDevices(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<AlertStore>> OpenAlerts(
    const DataDirectory& directory);
// To write: errors also as of AuditKeysToSign.
absl::StatusOr<std::unique_ptr<AuditLog>> OpenAudit(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<AuditLog>> OpenAudit(
    const DataDirectory& directory, AuditKeys keys);
// For setup: signs a log that was not signed yet.
absl::StatusOr<std::unique_ptr<AuditLog>> OpenAuditToBegin(
    const DataDirectory& directory, absl::Time now);
absl::StatusOr<std::unique_ptr<AccountStore>> OpenAccounts(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<FeedStore>> OpenFeeds(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<SecondFactorStore>> OpenSecondFactors(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<AgreementStore>> OpenAgreements(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<IdentityStore>> OpenIdentities(
    const DataDirectory& directory);
absl::StatusOr<std::unique_ptr<EventStore>> OpenEventsToRead(
    const DataDirectory& directory);

// ClickHouse's servers that do not answer, each with why. An error: none does,
// or the configuration is wrong. Empty: all do, or events do not lie there.
absl::StatusOr<std::vector<std::string>> SilentEventServers(
    const CollectorConfig& config);

}  // namespace schoolgate::collector
