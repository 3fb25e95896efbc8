// What one store costs at one size, for tests/bench/scaling: fills it with
// events of some days, then asks it what the dashboard and detection ask.
// usage: store_probe DIRECTORY|CONNINFO EVENTS DAYS SCHOOLS [events-a-commit]
// With CLICKHOUSE=URL in the environment (and CLICKHOUSE_DATABASE,
// _USER, _PASSWORD_FILE) the events go there, and CONNINFO holds the ledger.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/clickhouse/clickhouse_event_store.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr uint64_t kEventsADevice = 500;
const absl::Time kEnd = absl::FromUnixSeconds(1'795'424'400);

struct Plan {
  uint64_t events = 0, days = 1, schools = 1, batch = 5000;
};

std::string DeviceOf(uint64_t event) {
  return absl::StrCat("D-", event / kEventsADevice);
}

StoredEvent EventOf(const Plan& plan, uint64_t number,
                    std::mt19937_64& random) {
  static constexpr const char* kCategories[] = {"video", "social", "webmail",
                                                "shopping", "games"};
  const uint64_t device = number / kEventsADevice;
  StoredEvent stored;
  stored.school = absl::StrCat("school-", device % plan.schools);
  stored.device = DeviceOf(number);
  stored.epoch = 4;
  // Devices report a day's events together, day after day.
  const absl::Duration age =
      absl::Hours(24) * static_cast<int64_t>(plan.days - 1) -
      absl::Hours(24) * static_cast<int64_t>(number * plan.days / plan.events);
  stored.happened = kEnd - age - absl::Seconds(random() % 20000);
  stored.received = kEnd - age;
  stored.event.set_sequence(number % kEventsADevice + 1);
  stored.event.set_time_unix_us(absl::ToUnixMicros(stored.happened));
  stored.event.mutable_person()->set_pseudonym(absl::StrCat("P-", device));
  stored.event.mutable_person()->set_group("staff");
  v1::Contact* contact = stored.event.mutable_contact();
  const char* category = kCategories[random() % 5];
  contact->set_host(
      absl::StrCat("www", random() % 40, ".", category, ".example.test"));
  contact->add_categories(category);
  contact->set_action(v1::ACTION_RECORD);
  contact->set_rule(absl::StrCat("matrix/", category));
  contact->set_count(1);
  return stored;
}

double Milliseconds(const std::function<void()>& work) {
  const absl::Duration start = platform::SystemClock().SinceBoot();
  work();
  return absl::ToDoubleMilliseconds(platform::SystemClock().SinceBoot() -
                                    start);
}

// The median and the worst of some.
nlohmann::json Timed(const std::function<void(int)>& work) {
  constexpr int kTimes = 41;
  std::vector<double> took;
  for (int i = 0; i < kTimes; ++i) {
    took.push_back(Milliseconds([&] { work(i); }));
  }
  std::sort(took.begin(), took.end());
  return {{"p50_ms", took[kTimes / 2]}, {"max_ms", took.back()}};
}

absl::Status Fill(EventStore& store, const Plan& plan, double* ms) {
  std::mt19937_64 random(1);
  *ms = 0;
  for (uint64_t at = 0; at < plan.events;) {
    std::vector<StoredEvent> batch;
    for (; at < plan.events && batch.size() < plan.batch; ++at) {
      batch.push_back(EventOf(plan, at, random));
    }
    absl::Status status;
    *ms +=
        Milliseconds([&] { status = store.Append(std::move(batch)).status(); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Probe(EventStore& store, const Plan& plan) {
  double fill_ms = 0;
  absl::Status status = Fill(store, plan, &fill_ms);
  if (!status.ok()) return status;
  const auto check = [&](const absl::Status& one) {
    if (!one.ok()) status = one;
  };
  const uint64_t devices = plan.events / kEventsADevice + 1;
  nlohmann::json line = {{"events", plan.events},
                         {"days", plan.days},
                         {"schools", plan.schools},
                         {"append_us_an_event",
                          1000 * fill_ms / static_cast<double>(plan.events)}};
  line["person_100"] = Timed([&](int i) {
    EventQuery query;
    query.school = "school-0";
    query.subject =
        absl::StrCat("P-", static_cast<uint64_t>(i) * 7919 % devices);
    query.limit = 100;
    check(store.Find(query).status());
  });
  line["device_100"] = Timed([&](int i) {
    EventQuery query;
    query.device = DeviceOf(static_cast<uint64_t>(i) * 104729 % plan.events);
    query.limit = 100;
    check(store.Find(query).status());
  });
  line["month_counts"] = Timed([&](int) {
    check(store.Counts("school-0", kEnd - absl::Hours(24 * 30), kEnd).status());
  });
  line["next_4096"] = Timed([&](int i) {
    const absl::StatusOr<uint64_t> at =
        store.CursorAt(kEnd - absl::Hours(24 * (i % 14)));
    check(at.status());
    uint64_t next = 0;
    check(store.ReadAfter(at.ok() ? *at : 0, 4096, &next).status());
  });
  if (!status.ok()) return status;
  std::printf("%s\n", line.dump().c_str());
  return absl::OkStatus();
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenShared(
    const std::string& conninfo, ClickHouseCounters& counters) {
  auto database = Postgres::Open(conninfo);
  if (!database.ok()) return database.status();
  const std::string url = Environment("CLICKHOUSE");
  if (url.empty()) return MakePostgresEventStore(*std::move(database));
  ClickHouseConfig config;
  config.shards = {{url}};
  config.database = Environment("CLICKHOUSE_DATABASE");
  config.user = Environment("CLICKHOUSE_USER");
  config.password_file = Environment("CLICKHOUSE_PASSWORD_FILE");
  auto cluster = ClickHouseCluster::Open(config, platform::SystemClock());
  if (!cluster.ok()) return cluster.status();
  return MakeClickHouseEventStore(*std::move(cluster), *std::move(database),
                                  counters);
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  using namespace schoolgate::collector;  // main builds the world
  Plan plan;
  if (argc < 5 || !absl::SimpleAtoi(argv[2], &plan.events) ||
      !absl::SimpleAtoi(argv[3], &plan.days) ||
      !absl::SimpleAtoi(argv[4], &plan.schools) ||
      (argc > 5 && !absl::SimpleAtoi(argv[5], &plan.batch))) {
    std::fprintf(stderr,
                 "usage: store_probe DIRECTORY|CONNINFO EVENTS DAYS "
                 "SCHOOLS [events-a-commit]\n");
    return 2;
  }
  const std::string where = argv[1];
  absl::StatusOr<std::unique_ptr<EventStore>> store =
      absl::UnknownError("no store");
  ClickHouseCounters counters;
  if (absl::StrContains(where, "=")) {
    store = OpenShared(where, counters);
  } else {
    store = OpenSqliteEventStore(where);
  }
  const absl::Status status =
      store.ok() ? Probe(**store, plan) : store.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "store_probe: %s\n",
               std::string(status.message()).c_str());
  return 1;
}
