// The tables of a collector in PostgreSQL.
#pragma once

#include "absl/status/status.h"
#include "collector/postgres/postgres.h"

namespace schoolgate::collector {

// Makes what is missing; several collectors may start at once.
absl::Status MakeTables(Connection& connection);

}  // namespace schoolgate::collector
