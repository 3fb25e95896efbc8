// The collector's stores in PostgreSQL: what several collectors share.
#pragma once

#include <memory>

#include "collector/postgres/postgres.h"
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

std::unique_ptr<DeviceStore> MakePostgresDeviceStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AccountStore> MakePostgresAccountStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AlertStore> MakePostgresAlertStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AuditLog> MakePostgresAuditLog(
    std::shared_ptr<Postgres> database, AuditKeys keys);

std::unique_ptr<HeldEvents> MakePostgresHeldEvents(
    std::shared_ptr<Postgres> database);
std::unique_ptr<SecondFactorStore> MakePostgresSecondFactorStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AgreementStore> MakePostgresAgreementStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<IdentityStore> MakePostgresIdentityStore(
    std::shared_ptr<Postgres> database);
std::unique_ptr<AttachmentStore> MakePostgresAttachmentStore(
    std::shared_ptr<Postgres> database);

std::unique_ptr<PassingStore> MakePostgresPassingStore(
    std::shared_ptr<Postgres> database);

// `conninfo` is that of the database: the turn needs a connection of its own.
std::unique_ptr<FeedStore> MakePostgresFeedStore(
    std::shared_ptr<Postgres> database, std::string conninfo);

// Days are partitions. Appends of all collectors follow each other, so that
// the order of arrival is one, and a cursor never passes by an event.
std::unique_ptr<EventStore> MakePostgresEventStore(
    std::shared_ptr<Postgres> database);

}  // namespace schoolgate::collector
