#include "collector/cli/open_stores.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/cli/preflight.h"
#include "collector/postgres/postgres_stores.h"

namespace schoolgate::collector {
namespace {

template <typename Store>
absl::Status Take(absl::StatusOr<std::unique_ptr<Store>> opened,
                  std::unique_ptr<Store>* to) {
  if (opened.ok()) *to = *std::move(opened);
  return opened.status();
}

absl::Status OpenInDirectory(const DataDirectory& directory,
                             OwnStores* stores) {
  const std::string main = directory.Main();
  absl::Status status = CheckDatabase(main);
  if (status.ok()) {
    status = Take(OpenSqliteEventStore(directory.Events()), &stores->events);
  }
  if (status.ok()) status = Take(OpenSqliteDeviceStore(main), &stores->devices);
  if (status.ok()) status = Take(OpenSqliteAlertStore(main), &stores->alerts);
  if (status.ok()) status = Take(OpenSqliteAuditLog(main), &stores->audit);
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
  return status;
}

absl::Status OpenShared(const std::string& conninfo, OwnStores* stores) {
  absl::StatusOr<std::shared_ptr<Postgres>> database = Postgres::Open(conninfo);
  if (!database.ok()) return database.status();
  stores->events = MakePostgresEventStore(*database);
  stores->devices = MakePostgresDeviceStore(*database);
  stores->alerts = MakePostgresAlertStore(*database);
  stores->audit = MakePostgresAuditLog(*database);
  stores->accounts = MakePostgresAccountStore(*database);
  stores->held = MakePostgresHeldEvents(*database);
  stores->feeds = MakePostgresFeedStore(*database, conninfo);
  stores->second_factors = MakePostgresSecondFactorStore(*database);
  stores->agreements = MakePostgresAgreementStore(*database);
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
  const absl::Status status = config.database.empty()
                                  ? OpenInDirectory(directory, stores)
                                  : OpenShared(config.database, stores);
  if (!status.ok()) return status;
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
  return OpenOne<AuditLog>(
      directory, [&] { return OpenSqliteAuditLog(directory.Main()); },
      MakePostgresAuditLog);
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

absl::StatusOr<std::unique_ptr<EventStore>> OpenEventsToRead(
    const DataDirectory& directory) {
  return OpenOne<EventStore>(
      directory, [&] { return OpenSqliteEventStoreToRead(directory.Events()); },
      MakePostgresEventStore);
}

}  // namespace schoolgate::collector
