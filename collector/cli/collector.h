// A whole collector in one process: stores, intake, detection, feed and
// dashboard, started and ended in order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/cli/data_directory.h"
#include "collector/ingest/intake.h"
#include "platform/clock.h"

namespace schoolgate::collector {

struct CollectorOptions {
  DataDirectory directory;
  bool dashboard = true;
  std::string static_directory;  // of the dashboard; empty: where installed
};

class Collector {
 public:
  // Every error says what, why and what to do: the data directory is used by
  // another collector, a port is taken, a certificate has ended, a store is
  // damaged, the clock is wrong. The clock must outlive the collector.
  static absl::StatusOr<std::unique_ptr<Collector>> Start(
      const CollectorOptions& options, const platform::Clock& clock);

  virtual ~Collector() = default;

  virtual std::string device_address() const = 0;     // host:port
  virtual std::string dashboard_address() const = 0;  // empty: none
  virtual const IntakeCounters& counters() const = 0;

  // About once a second: offers new bundles, erases what is too old.
  virtual void Tick() = 0;

  // Takes collector.yaml, the certificates it names and the schools' keys
  // anew. On an error nothing has changed. Keys that are read at start only
  // are named in *waiting.
  virtual absl::Status Reload(std::vector<std::string>* waiting) = 0;

  virtual std::string metrics_address() const = 0;  // empty: none

  // Reads no more, acknowledges what was read, tells everybody connected, and
  // ends. What was acknowledged is durable, and what is stored was
  // acknowledged unless a connection broke.
  virtual void Stop() = 0;
};

}  // namespace schoolgate::collector
