// The tables of a collector in PostgreSQL.
#pragma once

#include "absl/status/status.h"
#include "collector/postgres/postgres.h"

namespace schoolgate::collector {

// Makes what is missing; several collectors may start at once.
absl::Status MakeTables(Connection& connection);

// Alerts that were stored before there were columns for when they were raised
// and for what reports count.
absl::Status FillNewColumns(Connection& connection);

}  // namespace schoolgate::collector
