#include "collector/cli/open_stores.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/cli/audit_keys.h"
#include "collector/cli/preflight.h"
#include "collector/clickhouse/clickhouse_event_store.h"
#include "collector/clickhouse/forgotten_blocks.h"
#include "collector/fleet/journal.h"
#include "collector/postgres/advisory_locks.h"
#include "collector/postgres/postgres_stores.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

// How long one waits for another's turn: an hour.
constexpr int kMostTurns = 3600;
constexpr auto kTurnPause = std::chrono::seconds(1);

template <typename Store>
absl::Status Take(absl::StatusOr<std::unique_ptr<Store>> opened,
                  std::unique_ptr<Store>* to) {
  if (opened.ok()) *to = *std::move(opened);
  return opened.status();
}

absl::Status OpenInDirectory(const DataDirectory& directory,
                             const AuditKeys& keys, OwnStores* stores) {
  stores->passing = MakeMemoryPassingStore();
  const std::string main = directory.Main();
  absl::Status status = CheckDatabase(main);
  if (status.ok()) {
    status = Take(OpenSqliteEventStore(directory.Events()), &stores->events);
  }
  if (status.ok()) status = Take(OpenSqliteDeviceStore(main), &stores->devices);
  if (status.ok()) status = Take(OpenSqliteAlertStore(main), &stores->alerts);
  if (status.ok())
    status = Take(OpenSqliteAuditLog(main, keys), &stores->audit);
  if (status.ok()) {
    status = Take(OpenSqliteAccountStore(main), &stores->accounts);
  }
  if (status.ok()) status = Take(OpenSqliteHeldEvents(main), &stores->held);
  if (status.ok()) status = Take(OpenSqliteFeedStore(main), &stores->feeds);
  if (status.ok()) {
    status = Take(OpenSqliteSecondFactorStore(main), &stores->second_factors);
  }
  if (status.ok()) {
    status = Take(OpenSqliteAgreementStore(main), &stores->agreements);
  }
  if (status.ok()) {
    status = Take(OpenSqliteIdentityStore(main), &stores->identities);
  }
  if (status.ok()) {
    status = Take(OpenSqliteAttachmentStore(main), &stores->attachments);
  }
  return status;
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenSharedEvents(
    const CollectorConfig& config, std::shared_ptr<Postgres> database,
    ClickHouseCounters& counters) {
  if (config.clickhouse.shards.empty()) {
    return MakePostgresEventStore(std::move(database));
  }
  absl::StatusOr<std::unique_ptr<ClickHouseCluster>> cluster =
      ClickHouseCluster::Open(config.clickhouse, platform::SystemClock());
  if (!cluster.ok()) return cluster.status();
  return MakeClickHouseEventStore(*std::move(cluster), std::move(database),
                                  counters);
}

// Blocks that PostgreSQL has forgotten, since it was put back from a backup,
// count again before anything new is stored; one collector looks at a time.
absl::Status RememberBlocks(const CollectorConfig& config,
                            std::shared_ptr<Postgres> database,
                            EventStore& events) {
  AdvisoryLocks turn(config.database, "ledger");
  const std::string mine = "forgotten blocks";
  for (int i = 0; !turn.Turn({mine}).contains(mine); ++i) {
    if (i == kMostTurns) {
      return absl::UnavailableError(
          "events: another collector counts what PostgreSQL has forgotten: "
          "start this one later");
    }
    std::this_thread::sleep_for(kTurnPause);
  }
  const absl::StatusOr<std::unique_ptr<ClickHouseCluster>> cluster =
      ClickHouseCluster::Open(config.clickhouse, platform::SystemClock());
  if (!cluster.ok()) return cluster.status();
  EventLedger ledger(std::move(database));
  const absl::StatusOr<uint64_t> counted =
      CountForgottenBlocks(**cluster, ledger, events);
  if (!counted.ok()) return counted.status();
  if (*counted > 0) {
    Log(Level::kNotice, "events_remembered",
        {{"events", absl::StrCat(*counted)},
         {"why", "PostgreSQL was put back to an earlier moment"}});
  }
  return absl::OkStatus();
}

absl::Status OpenShared(const CollectorConfig& config, const AuditKeys& keys,
                        OwnStores* stores) {
  const std::string& conninfo = config.database;
  absl::StatusOr<std::shared_ptr<Postgres>> database = Postgres::Open(conninfo);
  if (!database.ok()) return database.status();
  auto counters = std::make_unique<ClickHouseCounters>();
  const absl::Status opened =
      Take(OpenSharedEvents(config, *database, *counters), &stores->events);
  if (!opened.ok()) return opened;
  if (!config.clickhouse.shards.empty()) {
    stores->clickhouse = std::move(counters);
    const absl::Status remembered =
        RememberBlocks(config, *database, *stores->events);
    if (!remembered.ok()) return remembered;
  }
  stores->devices = MakePostgresDeviceStore(*database);
  stores->alerts = MakePostgresAlertStore(*database);
  stores->audit = MakePostgresAuditLog(*database, keys);
  stores->accounts = MakePostgresAccountStore(*database);
  stores->held = MakePostgresHeldEvents(*database);
  stores->feeds = MakePostgresFeedStore(*database, conninfo);
  stores->second_factors = MakePostgresSecondFactorStore(*database);
  stores->agreements = MakePostgresAgreementStore(*database);
  stores->identities = MakePostgresIdentityStore(*database);
  stores->attachments = MakePostgresAttachmentStore(*database);
  stores->passing = MakePostgresPassingStore(*database);
  return absl::OkStatus();
}

// One store, by the configuration of its directory.
template <typename Store, typename InFile, typename Shared>
absl::StatusOr<std::unique_ptr<Store>> OpenOne(const DataDirectory& directory,
                                               InFile in_file, Shared shared) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(directory);
  if (!config.ok()) return config.status();
  if (config->database.empty()) return in_file();
  absl::StatusOr<std::shared_ptr<Postgres>> database =
      Postgres::Open(config->database);
  if (!database.ok()) return database.status();
  return shared(*std::move(database));
}

}  // namespace

absl::Status OpenStores(const DataDirectory& directory,
                        const CollectorConfig& config, OwnStores* stores) {
  const absl::StatusOr<AuditKeys> keys = AuditKeysToBegin(directory);
  if (!keys.ok()) return keys.status();
  absl::Status status = config.database.empty()
                            ? OpenInDirectory(directory, *keys, stores)
                            : OpenShared(config, *keys, stores);
  if (!status.ok()) return status;
  status = BeginAudit(directory, *stores->audit, platform::SystemClock().Now());
  if (!status.ok()) return status;
  // Devices are served all the same: their events are none the worse.
  const absl::Status sound = stores->audit->Head().status();
  if (!sound.ok()) {
    Log(Level::kError, "audit_log_unsound",
        {{"why", std::string(sound.message())}});
  }
  return Take(RefusedRecords::Open(directory.Refused()), &stores->refused);
}

absl::StatusOr<std::unique_ptr<DeviceStore>> OpenDevices(
    const DataDirectory& directory) {
  return OpenOne<DeviceStore>(
      directory, [&] { return OpenSqliteDeviceStore(directory.Main()); },
      MakePostgresDeviceStore);
}

absl::StatusOr<std::unique_ptr<AlertStore>> OpenAlerts(
    const DataDirectory& directory) {
  return OpenOne<AlertStore>(
      directory, [&] { return OpenSqliteAlertStore(directory.Main()); },
      MakePostgresAlertStore);
}

absl::StatusOr<std::unique_ptr<AuditLog>> OpenAudit(
    const DataDirectory& directory) {
  const absl::StatusOr<AuditKeys> keys = AuditKeysToSign(directory);
  if (!keys.ok()) return keys.status();
  return OpenAudit(directory, *keys);
}

absl::StatusOr<std::unique_ptr<AuditLog>> OpenAudit(
    const DataDirectory& directory, AuditKeys keys) {
  return OpenOne<AuditLog>(
      directory, [&] { return OpenSqliteAuditLog(directory.Main(), keys); },
      [&](std::shared_ptr<Postgres> database) {
        return MakePostgresAuditLog(std::move(database), keys);
      });
}

absl::StatusOr<std::unique_ptr<AuditLog>> OpenAuditToBegin(
    const DataDirectory& directory, absl::Time now) {
  const absl::StatusOr<AuditKeys> keys = AuditKeysToBegin(directory);
  if (!keys.ok()) return keys.status();
  auto log = OpenAudit(directory, *keys);
  if (!log.ok()) return log;
  const absl::Status begun = BeginAudit(directory, **log, now);
  if (!begun.ok()) return begun;
  return log;
}

absl::StatusOr<std::unique_ptr<AccountStore>> OpenAccounts(
    const DataDirectory& directory) {
  return OpenOne<AccountStore>(
      directory, [&] { return OpenSqliteAccountStore(directory.Main()); },
      MakePostgresAccountStore);
}

absl::StatusOr<std::unique_ptr<FeedStore>> OpenFeeds(
    const DataDirectory& directory) {
  return OpenOne<FeedStore>(
      directory, [&] { return OpenSqliteFeedStore(directory.Main()); },
      [&](std::shared_ptr<Postgres> database) {
        // No verb sends, so none takes the turn.
        return MakePostgresFeedStore(std::move(database), "");
      });
}

absl::StatusOr<std::unique_ptr<SecondFactorStore>> OpenSecondFactors(
    const DataDirectory& directory) {
  return OpenOne<SecondFactorStore>(
      directory, [&] { return OpenSqliteSecondFactorStore(directory.Main()); },
      MakePostgresSecondFactorStore);
}

absl::StatusOr<std::unique_ptr<AgreementStore>> OpenAgreements(
    const DataDirectory& directory) {
  return OpenOne<AgreementStore>(
      directory, [&] { return OpenSqliteAgreementStore(directory.Main()); },
      MakePostgresAgreementStore);
}

absl::StatusOr<std::unique_ptr<IdentityStore>> OpenIdentities(
    const DataDirectory& directory) {
  return OpenOne<IdentityStore>(
      directory, [&] { return OpenSqliteIdentityStore(directory.Main()); },
      MakePostgresIdentityStore);
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenEventsToRead(
    const DataDirectory& directory) {
  // Of one command's own: nobody asks for them.
  static ClickHouseCounters unread;
  const absl::StatusOr<CollectorConfig> config = LoadConfig(directory);
  if (!config.ok()) return config.status();
  if (config->database.empty()) {
    return OpenSqliteEventStoreToRead(directory.Events());
  }
  absl::StatusOr<std::shared_ptr<Postgres>> database =
      Postgres::Open(config->database);
  if (!database.ok()) return database.status();
  return OpenSharedEvents(*config, *std::move(database), unread);
}

absl::StatusOr<std::vector<std::string>> SilentEventServers(
    const CollectorConfig& config) {
  if (config.clickhouse.shards.empty()) return std::vector<std::string>();
  const absl::StatusOr<std::unique_ptr<ClickHouseCluster>> cluster =
      ClickHouseCluster::Open(config.clickhouse, platform::SystemClock());
  if (!cluster.ok()) return cluster.status();
  return (*cluster)->Silent();
}

}  // namespace schoolgate::collector
