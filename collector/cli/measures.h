// What a collector tells those who watch it: figures for Prometheus, and
// whether it can do its work. Nothing here is about a person.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/clickhouse/clickhouse_counters.h"
#include "collector/feed/alert_feed.h"
#include "collector/feed/detection.h"
#include "collector/ingest/intake.h"
#include "collector/metrics/exposition.h"
#include "collector/metrics/scrape_server.h"
#include "collector/web/server.h"

namespace schoolgate::collector {

// What happens to the running configuration, and to the program.
struct LifeCounters {
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> reloads{0}, reloads_refused{0};
  std::atomic<bool> last_reload_good{true};
  std::atomic<int64_t> last_tick_us{0};  // since boot
};

// Borrowed for life.
struct Measured {
  DataDirectory directory;
  const IntakeCounters& intake;
  const LifeCounters& life;
  DeviceStore& devices;
  AlertStore& alerts;
  const Detection& detection;
  const AlertFeed& feed;
  WebServer* web;                        // null: no dashboard
  const ClickHouseCounters* clickhouse;  // null: events lie elsewhere
  const platform::Clock& clock;
};

// Thread-safe.
class Measures {
 public:
  // With less than this left on its disk a collector is not ready.
  static constexpr uint64_t kLeastFreeBytes = 64u << 20;
  // A main thread that has not turned for so long hangs.
  static constexpr absl::Duration kLongestTurn = absl::Seconds(60);

  // For so long after events could not be stored none are to be sent.
  static constexpr absl::Duration kDistrust = absl::Seconds(5);

  explicit Measures(const Measured& measured)
      : measured_(measured), started_(measured.clock.Now()) {}

  // /metrics, /healthz (alive), /readyz (may be sent work).
  ScrapeAnswer Answer(const std::string& path);

  std::string Metrics();

  // Why no work should be sent here; empty: ready.
  std::vector<std::string> NotReady();

 private:
  // Counting devices and cases reads all of them: done at most so often.
  static constexpr absl::Duration kCensusEvery = absl::Seconds(10);

  struct Census {
    absl::Duration taken;  // since boot; zero: never
    std::map<std::string, uint64_t> states;
    uint64_t quiet = 0, silent = 0, clock_wrong = 0, blind = 0,
             rules_refused = 0, renewal_due = 0;
    std::map<std::string, uint64_t> open_cases;
    bool readable = true;
  };

  Census TakeCensus();
  void AddProcess(Exposition* out) const;
  void AddIntake(Exposition* out) const;
  void AddStore(Exposition* out) const;
  void AddClickHouse(Exposition* out) const;
  void AddFleet(Exposition* out);
  void AddPeople(Exposition* out) const;
  void AddCertificates(Exposition* out) const;

  const Measured measured_;
  const absl::Time started_;
  std::mutex census_mutex_;
  Census census_;
};

}  // namespace schoolgate::collector
