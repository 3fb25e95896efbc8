// The collector's stores in PostgreSQL: what several collectors share.
#pragma once

#include <memory>

#include "collector/postgres/postgres.h"
#include "collector/store/account_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

std::unique_ptr<DeviceStore> MakePostgresDeviceStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AccountStore> MakePostgresAccountStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AlertStore> MakePostgresAlertStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AuditLog> MakePostgresAuditLog(
    std::shared_ptr<Postgres> database);

// Days are partitions. Appends of all collectors follow each other, so that
// the order of arrival is one, and a cursor never passes by an event.
std::unique_ptr<EventStore> MakePostgresEventStore(
    std::shared_ptr<Postgres> database);

}  // namespace schoolgate::collector
