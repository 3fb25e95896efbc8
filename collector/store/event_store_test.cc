#include "collector/store/event_store_conformance_test.h"

namespace schoolgate::collector {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, EventStoreTest,
                         testing::Values(OpenEventStore(OpenSqliteEventStore)));

}  // namespace
}  // namespace schoolgate::collector
